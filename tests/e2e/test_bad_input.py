"""Bad input to GraphQL: a fitting code that names the field, never INTERNAL, never a traceback in a log."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.pictures import make_jpeg
from tests.support.site import Site

CREATE = "mutation ($input: CreateUploadSessionInput!) { createUploadSession(input: $input) { session { id } } }"
GENERATE = (
    "mutation ($i: ID!, $d: [DerivativeInput!]!) { generateVariants(imageId: $i, derivatives: $d) { image { id } } }"
)
PLAN = (
    "query ($p: ProcessingInput, $w: Int!, $h: Int!, $c: String!) "
    "{ planProcessing(processing: $p, width: $w, height: $h, contentType: $c) { policy { profile } } }"
)
UNKNOWN = "00000000-0000-7000-8000-000000000000"
NUL, SURROGATE = "a\0b", "a\ud800b"
BAD_METADATA: list[object] = [[], "text", 7, {"k": "x" * 1020}, {"k": NUL}, {NUL: 1}, {"é" * 510: 1}]


pytestmark = pytest.mark.usefixtures("quiet")


async def refuse(client: Client, query: str, **variables: object) -> dict[str, Any]:  # Any: extensions of an error
    """The extensions of the one error; JSON as Python writes it, lone surrogates and all."""
    body = json.dumps({"query": query, "variables": variables})
    response = await client.http.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code < 500, response.text
    errors = response.json()["errors"]
    assert len(errors) == 1, errors
    assert not response.json().get("data") or None in response.json()["data"].values()
    extensions: dict[str, Any] = errors[0]["extensions"]
    return extensions


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("fileSize", value) for value in (0, -1)),
        *(("filename", value) for value in (NUL, "x" * 4097)),
        *(("title", value) for value in (NUL, "x" * 256)),
        *(("alt", value) for value in (NUL, "x" * 5001)),
        *(("description", value) for value in (NUL, "x" * 5001)),
        *(("creator", value) for value in (NUL, "x" * 1025)),
        *(("customId", value) for value in (NUL, "", "  ", "x" * 1025)),
        *(("tags", value) for value in ([""], [" "], ["x" * 65], [NUL], [str(n) for n in range(51)])),
        *(("metadata", value) for value in BAD_METADATA),
        *(("sha256", value) for value in ("", "0" * 63, "A" * 64, "g" * 64, "0" * 65, "0" * 64 + "\n")),
        *(("expiresIn", value) for value in (0, 119, 21_601, -5)),
        ("processing.profile", {"profile": "LEGACY"}),
        ("processing.derivatives", {"profile": "CUSTOM"}),
        ("processing.derivatives", {"profile": "CUSTOM", "derivatives": []}),
        ("processing.derivatives", {"profile": "DEFAULT", "derivatives": [{"family": "WEBP", "size": "small"}]}),
        ("processing.derivatives", {"profile": "CUSTOM", "derivatives": [{"family": "WEBP", "size": "huge"}]}),
        ("processing.derivatives", {"profile": "CUSTOM", "derivatives": [{"family": "WEBP", "size": ""}]}),
        ("processing.derivatives", {"profile": "CUSTOM", "derivatives": [{"family": "WEBP", "size": NUL}]}),
    ],
    ids=lambda value: str(value)[:24].encode("unicode_escape").decode(),
)
async def test_a_session_request_is_refused_by_field(client: Client, field: str, value: object) -> None:
    told = await refuse(client, CREATE, input={"fileSize": 1000, field.partition(".")[0]: value})

    is_unknown_size = field == "processing.derivatives" and "derivatives" in told["details"]
    assert told["code"] == ("DERIVATIVE_NOT_ALLOWED" if is_unknown_size else "INVALID_REQUEST")
    assert told["details"]["field"] == field
    assert told["requestId"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("fileSize", value) for value in (None, "x", 1.5, True, 2**53 + 1, 10**30, float("inf"), float("nan"))),
        *((name, SURROGATE) for name in ("filename", "title", "customId", "sha256")),
        *(("metadata", value) for value in ({"k": SURROGATE}, {"k": float("nan")})),
        *(("processing", value) for value in ({}, {"profile": "NONE"}, {"profile": None})),
        *(("visibility", value) for value in ("HIDDEN", 1)),
        *(("expiresIn", value) for value in (None, "60", 2**31)),
        *(("tags", value) for value in (7, [None], {"a": 1})),
        ("noSuchField", 1),
    ],
    ids=lambda value: str(value)[:24].encode("unicode_escape").decode(),
)
async def test_what_the_schema_does_not_take_is_refused(client: Client, field: str, value: object) -> None:
    told = await refuse(client, CREATE, input={"fileSize": 1000, field: value})

    assert told["code"] == "INVALID_REQUEST"


@pytest.mark.parametrize(
    "literal", ["1e400", "99999999999999999999999", "0.5", '"x"', "null", "[1, 2]", "{a: 1}", "-0"]
)
async def test_odd_literals_for_a_number_are_refused(client: Client, literal: str) -> None:
    query = f"mutation {{ createUploadSession(input: {{fileSize: {literal}}}) {{ session {{ id }} }} }}"

    assert (await refuse(client, query))["code"] == "INVALID_REQUEST"


@pytest.mark.parametrize(
    "metadata",
    [
        *("{a: 99999999999999999999999}", '{a: 1e308, b: [true, null, X], c: {d: "e"}}', '{a: "\\\\u0000"}', "{}"),
        *("{a: -9223372036854775808}", "{a: 18446744073709551616}", '{a: "' + "☀" * 300 + '"}'),
    ],
)
async def test_odd_metadata_is_kept_as_it_is_or_refused(client: Client, metadata: str) -> None:
    query = (
        f"mutation {{ createUploadSession(input: {{fileSize: 1, metadata: {metadata}}}) "
        "{ session { image { id metadata } } } }"
    )
    response = await client.http.post("/graphql", json={"query": query})
    body = response.json()
    if body.get("errors"):
        assert body["errors"][0]["extensions"]["code"] == "INVALID_REQUEST", body
        return
    image = body["data"]["createUploadSession"]["session"]["image"]
    again = await client.ask("query ($id: ID!) { image(id: $id) { metadata } }", id=image["id"])

    assert again["image"]["metadata"] == image["metadata"]


@pytest.mark.parametrize(
    "text", ["", "nonsense", "0", "-1", UNKNOWN, UNKNOWN.upper(), "x" * 10_000, NUL, "🙂", "١" * 36]
)
async def test_an_id_of_nothing_names_nothing(client: Client, text: str) -> None:
    query = (
        "query ($id: ID!, $s: String) { node(id: $id) { id } nodes(ids: [$id]) { id } image(id: $id) { id } "
        "byShort: image(shortId: $s) { id } byCustom: image(customId: $s) { id } "
        "imagesByIds(ids: [$id]) { id } uploadSession(id: $id) { id } }"
    )

    data = await client.ask(query, id=text, s=text)

    assert data == {
        **{"node": None, "nodes": [None], "image": None, "byShort": None, "byCustom": None},
        **{"imagesByIds": [None], "uploadSession": None},
    }
    for mutation, field in (
        ("mutation ($id: ID!) { cancelUploadSession(id: $id) { session { id } } }", "upload session"),
        ("mutation ($id: ID!) { retryVariants(imageId: $id) { image { id } } }", "image"),
    ):
        told = await refuse(client, mutation, id=text)
        assert told["code"] == "NOT_FOUND", field


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        *(("first: 0", "first"), ("first: 101", "first"), ("first: -1", "first"), ("last: 0", "last")),
        *(("last: 101", "last"), ("first: 1, last: 1", "last"), ('first: 1, before: "x"', "last")),
        *(('after: "x"', "after"), ('after: ""', "after"), ('after: "é"', "after"), ('before: "AAAA"', "before")),
        *(('after: "' + "A" * 5000 + '"', "after"), ('after: "_________w"', "after"), ('before: "\\u0000"', "before")),
        *(
            ('after: "f_________8AAAAAAAAAAAAAAAAAAAAA"', "after"),
            ('after: "gAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"', "after"),
        ),
    ],
)
async def test_a_page_that_cannot_be_is_refused(client: Client, arguments: str, field: str) -> None:
    told = await refuse(client, f"{{ images({arguments}) {{ nodes {{ id }} }} }}")

    assert (told["code"], told["details"]["field"]) == ("INVALID_REQUEST", field)


@pytest.mark.parametrize("field", ["nodes", "imagesByIds"])
async def test_at_most_100_ids_are_asked_for(client: Client, field: str) -> None:
    query = f"query ($ids: [ID!]!) {{ {field}(ids: $ids) {{ id }} }}"

    enough = await client.ask(query, ids=[UNKNOWN] * 100)
    told = await refuse(client, query, ids=[UNKNOWN] * 101)

    assert enough == {field: [None] * 100}
    assert (told["code"], told["details"]["field"]) == ("INVALID_REQUEST", "ids")


@pytest.mark.parametrize("arguments", ["", '(id: "a", shortId: "b")', '(shortId: "b", customId: "c")', "(id: null)"])
async def test_an_image_is_asked_for_by_exactly_one_name(client: Client, arguments: str) -> None:
    told = await refuse(client, f"{{ image{arguments} {{ id }} }}")

    assert (told["code"], told["details"]["field"]) == ("INVALID_REQUEST", "id")


async def test_derivatives_that_are_none_are_refused_for_an_image(client: Client) -> None:
    session = await client.upload(make_jpeg(600, 400))
    unknown, twice = {"family": "WEBP", "size": "huge"}, {"family": "PNG", "size": "thumb"}

    none = await refuse(client, GENERATE, i=session.image_id, d=[])
    huge = await refuse(client, GENERATE, i=session.image_id, d=[twice, unknown])
    many = await refuse(client, GENERATE, i=session.image_id, d=[{**twice, "size": f"w{n}"} for n in range(61)])
    absent = await refuse(client, GENERATE, i=UNKNOWN, d=[twice])
    doubled = await client.ask(GENERATE, i=session.image_id, d=[twice, twice])

    assert [told["code"] for told in (none, huge, many)] == [
        *("INVALID_REQUEST", "DERIVATIVE_NOT_ALLOWED", "INVALID_REQUEST")
    ]
    assert all("derivatives" in told["details"]["field"] for told in (none, huge, many))
    assert huge["details"]["derivatives"] == [unknown]
    assert absent["code"] == "NOT_FOUND"
    assert doubled["generateVariants"]["image"]["id"] == session.image_id


@pytest.mark.parametrize(
    ("variables", "code", "field"),
    [
        ({"w": 0, "h": 10, "c": "image/jpeg"}, "INVALID_REQUEST", "width"),
        ({"w": 10, "h": -1, "c": "image/jpeg"}, "INVALID_REQUEST", "height"),
        ({"w": 10, "h": 2_000_000, "c": "image/jpeg"}, "INVALID_REQUEST", "height"),
        ({"w": 10, "h": 10, "c": "image/svg+xml"}, "INVALID_FILE_TYPE", None),
        ({"w": 10, "h": 10, "c": NUL}, "INVALID_FILE_TYPE", None),
        ({"w": 10, "h": 10, "c": "image/png", "p": {"profile": "LEGACY"}}, "INVALID_REQUEST", "processing.profile"),
        ({"w": 10, "h": 10, "c": "image/png", "p": {"profile": "CUSTOM"}}, "INVALID_REQUEST", "processing.derivatives"),
    ],
)
async def test_a_plan_for_nothing_is_refused(
    client: Client, variables: dict[str, object], code: str, field: str | None
) -> None:
    told = await refuse(client, PLAN, **variables)

    assert (told["code"], told.get("details", {}).get("field")) == (code, field)


@pytest.mark.parametrize(
    "header", ["Bearer sl_wrong", "Bearer", "Basic abc", "sl_nothing", "Bearer slu_wrong", "Bearer é"]
)
async def test_a_credential_that_is_not_good_is_401(site: Site, header: str) -> None:
    async with site.stranger() as stranger:
        headers = {b"Authorization": header.encode("latin-1")}
        response = await stranger.http.post("/graphql", json={"query": "{ viewer { id } }"}, headers=headers)

    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHORIZED"
    assert response.status_code in {200, 401}


async def test_the_hostile_documents_of_the_corpus_are_answered(client: Client, corpus: Path) -> None:
    for path in sorted((corpus / "hostile" / "graphql").glob("*.json")):
        if path.name.startswith("ws_"):
            continue
        response = await client.http.post(
            "/graphql", content=path.read_bytes(), headers={"Content-Type": "application/json"}
        )

        assert response.status_code in {200, 400, 413}, path.name
        assert "INTERNAL" not in response.text, path.name
