"""The short way for leaves answers as the long way does, errors and order included."""

import asyncio
from enum import Enum
from typing import Any

import pytest
import strawberry
from strawberry.permission import BasePermission
from strawberry.types import Info

from app.graphql_api.execution import make_schema


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Thing(Named):
    number: int
    maybe: float | None = None

    @strawberry.field
    def colour(self) -> Colour:
        return Colour.BLUE if self.number else Colour.RED

    @strawberry.field
    def seen_by(self, info: Info) -> str:
        return f"{info.context}:{info.field_name}:{info.path.key}"

    @strawberry.field
    def broken(self) -> str | None:
        raise ValueError("broken")

    @strawberry.field
    def broken_and_needed(self) -> str:
        raise ValueError("broken")

    @strawberry.field
    def missing(self) -> str:
        return None  # type: ignore[return-value]  # what a bug would do

    @strawberry.field
    def wrong(self) -> int:
        return "no number"  # type: ignore[return-value]  # likewise

    @strawberry.field
    async def slow(self) -> str:
        await asyncio.sleep(0)
        return "slow"

    @strawberry.field
    def with_argument(self, times: int = 2) -> str:
        return self.name * times

    @strawberry.field
    def words(self) -> list[str]:
        return [self.name, self.name]

    @strawberry.field
    def inner(self) -> "Thing":
        return Thing(name="inner", number=0)


class Refused(BasePermission):
    message = "Refused."

    def has_permission(self, source: Any, info: Any, **_arguments: Any) -> bool:  # Any: as Strawberry has it
        return False


@strawberry.type
class SpecialThing(Thing):
    pass


@strawberry.type
class Query:
    @strawberry.field
    def things(self) -> list[Thing]:
        return [Thing(name="a", number=1), Thing(name="b", number=0, maybe=0.5)]

    @strawberry.field
    async def named(self) -> Named | None:
        return Thing(name="c", number=3)

    @strawberry.field
    def plain(self) -> int:
        return 7

    @strawberry.field
    def gaps(self) -> list[Thing | None]:
        return [Thing(name="a", number=1), None, Thing(name="b", number=0)]

    @strawberry.field
    def mixed(self) -> list[Named]:
        return [Thing(name="a", number=1), SpecialThing(name="b", number=2)]

    @strawberry.field
    def strangers(self) -> list[Thing | None]:
        return [Thing(name="a", number=1), "no thing"]  # type: ignore[list-item]  # what a bug would do

    @strawberry.field
    def late(self) -> list[Thing]:
        async def later() -> Thing:
            return Thing(name="late", number=1)

        return [Thing(name="a", number=1), later()]  # type: ignore[list-item]  # graphql-core waits for such items

    @strawberry.field
    def several(self) -> list[Thing]:
        return tuple(Thing(name=name, number=1) for name in "ab")  # type: ignore[return-value]  # likewise iterated

    @strawberry.field
    def table(self) -> list[list[Thing]]:
        return [[Thing(name="a", number=1)], []]

    @strawberry.field(permission_classes=[Refused])  # type: ignore[untyped-decorator]  # Strawberry's own, with classes
    def forbidden(self) -> Thing | None:
        raise AssertionError("it is refused before")

    @strawberry.field
    def known_to(self, info: Info) -> Thing | None:
        return Thing(name=f"{info.context}:{info.field_name}:{info.return_type}", number=0)

    @strawberry.field
    def nothing_there(self) -> Thing:
        return None  # type: ignore[return-value]  # what a bug would do


DOCUMENTS = [
    "{ plain things { name number maybe colour } }",
    "{ things { slow name inner { name } number slowAgain: slow __typename words number2: number } plain }",
    "{ things { name broken number } }",
    "{ named { name ... on Thing { brokenAndNeeded } } plain }",
    "{ named { ... on Thing { missing slow } } }",
    "{ named { ... on Thing { wrong } } }",
    "{ things { seenBy again: seenBy withArgument(times: 3) withArgument2: withArgument } }",
    "query ($no: Boolean = false) { things { name @include(if: $no) number @skip(if: $no) ...F } } "
    "fragment F on Thing { colour name2: name }",
    "{ things { missing } }",
    "{ gaps { name number } }",
    "{ gaps { name missing } plain }",
    "{ gaps { name broken again: broken } }",
    "{ mixed { name __typename ... on Thing { number } ... on SpecialThing { special: number } } }",
    "{ strangers { name number } }",
    "{ late { name number } }",
    "{ several { name maybe seenBy } }",
    "{ table { name number } }",
    "{ forbidden { name } plain }",
    "{ knownTo { name } }",
    "{ nothingThere { name } }",
    "query ($no: Boolean = false) { gaps { ...F name @include(if: $no) } things { ...F } } "
    "fragment F on Thing { number }",
]


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_answers_are_those_of_the_long_way(document: str) -> None:
    # Any: whatever the document asks for.
    quick: Any = await make_schema(Query, types=[Thing, SpecialThing]).execute(document, context_value="me")
    plain: Any = await strawberry.Schema(Query, types=[Thing, SpecialThing]).execute(document, context_value="me")

    assert quick.data == plain.data
    assert in_order(quick.data) == in_order(plain.data)
    assert [error.formatted for error in quick.errors or ()] == [error.formatted for error in plain.errors or ()]


def in_order(value: Any) -> Any:
    """The same with the order of its keys, which a comparison of dictionaries overlooks."""
    if isinstance(value, dict):
        return [(name, in_order(inner)) for name, inner in value.items()]
    return [in_order(item) for item in value] if isinstance(value, list) else value
