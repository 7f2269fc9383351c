"""What is read of images for a document is enough for it: the answers are those of reading everything."""

import re
from dataclasses import replace
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type, is_object_type, is_required_argument
from graphql.type import GraphQLField

from app.container import Container
from app.domain.access import ANONYMOUS, Principal, Visibility
from app.domain.listing import ImageFilter
from app.domain.states import ImageState
from app.graphql_api.schema import get_schema
from app.ids import ImageId
from app.schema.selections import needed_columns
from app.services.library.images import PageRequest
from tests.support.library_fixture import T0, Shelf, without
from tests.support.service_queries import ask

READS_EVERYTHING = "exif { make }"
FIRST = "{ images(first: 1) { nodes { id } } }"
LIST = "{ images(first: 2) { edges { cursor } nodes { %s } } }"
NOTHING_MORE: frozenset[str] = frozenset()


def ways_of_asking(kind: GraphQLObjectType, depth: int = 0) -> list[str]:
    """Every field of a type that needs no argument, each alone; of objects each field of theirs."""
    return [
        text
        for name, field in kind.fields.items()
        if not any(is_required_argument(argument) for argument in field.args.values())
        for text in ways_of_asking_for(name, field, depth)
    ]


def ways_of_asking_for(name: str, field: GraphQLField, depth: int) -> list[str]:
    inner = get_named_type(field.type)
    if is_leaf_type(inner):
        return [name]
    assert is_object_type(inner)
    return [f"{name} {{ {text} }}" for text in ways_of_asking(inner, depth + 1)] if depth < 2 else []


def lean_ways() -> list[str]:
    """Those of which less than everything is read."""
    kind = get_schema()._schema.type_map["Image"]
    assert isinstance(kind, GraphQLObjectType)
    return [text for text in ways_of_asking(kind) if needed_columns(frozenset(re.findall(r"\w+", text))) is not None]


async def test_each_field_answers_alone_as_it_does_where_everything_is_read(library: Container) -> None:
    ways = lean_ways()
    assert len(ways) > 50
    image_id = (await ask(library, FIRST)).data["images"]["nodes"][0]["id"]
    for text in ways:
        for document in (LIST, f'{{ image(id: "{image_id}") {{ %s }} }}'):
            alone = await ask(library, document % text)
            beside = await ask(library, document % f"{text} {READS_EVERYTHING}")

            assert alone.data == without_exif(beside.data), text


def without_exif(data: dict[str, Any]) -> dict[str, Any]:  # whatever was asked for
    images = data["images"]["nodes"] if "images" in data else [data["image"]]
    assert [image.pop("exif") for image in images] == [{"make": "Camera"}] * len(images)
    return data


async def test_of_a_list_just_the_columns_are_read_that_are_asked_for(library: Container) -> None:
    asked = await ask(library, "{ images(first: 50) { nodes { id filename width } } }")

    (statement,) = [text for text in asked.statements if text.startswith("SELECT")]
    columns = statement.partition("FROM")[0].replace("SELECT", "").split(",")
    assert {column.strip() for column in columns} == {
        f"images.{n}" for n in ("id", "filename", "width_px", "created_at")
    }


async def test_looking_at_what_was_not_read_is_no_null_but_an_error(shelf: Shelf) -> None:
    await shelf.add_image(title="Sea")

    page = await shelf.images.list_page(shelf.me, PageRequest(1, columns=frozenset({"title"})), ImageFilter())

    assert page.snapshots[0].image.title == "Sea"
    with pytest.raises(AttributeError):
        _ = page.snapshots[0].image.alt


async def test_who_may_see_an_image_does_not_depend_on_what_is_read_of_it(shelf: Shelf) -> None:
    public = await shelf.add_image()
    hidden = [
        await shelf.add_image(visibility=Visibility.PRIVATE),
        await shelf.add_image(deleted_at=T0),
        await shelf.add_image(state=ImageState.AWAITING_UPLOAD, uploaded_at=None),
    ]
    alias = await shelf.add_image(alias_of=hidden[0])
    strangers = (
        ANONYMOUS,
        shelf.other,
        without(shelf.me, *shelf.me.scopes),
        replace(shelf.other, upload_image_id=public),
    )

    async def seen(principal: Principal, image_id: ImageId) -> ImageId | None:
        found = await shelf.images.find_alone(principal, image_id, NOTHING_MORE)
        return found.image.id if found is not None else None

    for stranger in strangers:
        assert await seen(stranger, public) == public
        assert {await seen(stranger, image_id) for image_id in (*hidden, alias)} == {None}
    assert [await seen(shelf.me, image_id) for image_id in hidden] == hidden
    assert await seen(shelf.me, alias) == hidden[0]
    assert await seen(replace(shelf.other, upload_image_id=alias), alias) == hidden[0]
