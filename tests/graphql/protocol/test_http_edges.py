"""What a client may send to /graphql by mistake or malice, and the JSON it gets for it."""

import asyncio
import gzip
from typing import Any

import httpx
import orjson
import pytest

from tests.support.toy_process import ToyServer

pytestmark = pytest.mark.usefixtures("traceback_free")

JSON = {"content-type": "application/json"}
GRAPHQL_JSON = "application/graphql-response+json"


def the_error(response: httpx.Response) -> dict[str, Any]:
    """The only error of an answer that has no data."""
    assert response.headers["content-type"].endswith("json; charset=utf-8")
    body = response.json()
    assert set(body) == {"errors"}
    assert len(body["errors"]) == 1
    error: dict[str, Any] = body["errors"][0]
    assert error["extensions"]["requestId"]
    return error


MALFORMED = {
    "null": b"null",
    "number": b"5",
    "string": b'"x"',
    "batch": b'[{"query":"{hello}"}]',
    "empty": b"",
    "half": b'{"query": "{hello}',
    "invalid utf-8": b'{"query": "{hello}\xff"}',
    "lone surrogate": b'{"query": "{hello(name: \\"\\ud800\\")}"}',
    "deep nesting": b'{"query":"{hello}","variables":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "deep query": b"[" * 200_000,
    "nan": b'{"query":"{hello}","variables":{"a":NaN}}',
    "5000 digits": b'{"query":"{hello}","variables":' + b"9" * 5000 + b"}",
    "no query": b"{}",
    "null query": b'{"query":null}',
    "empty query": b'{"query":""}',
    "blank query": b'{"query":" \\n"}',
    "numeric query": b'{"query":123}',
    "numeric operation name": b'{"query":"{hello}","operationName":1}',
    "list of variables": b'{"query":"{hello}","variables":[]}',
    "text of extensions": b'{"query":"{hello}","extensions":"x"}',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_malformed_body_is_refused_with_400(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/graphql", content=body, headers=JSON)

    assert response.status_code == 400
    assert the_error(response)["extensions"]["code"] == "INVALID_REQUEST"


async def test_compressed_body_is_refused(client: httpx.AsyncClient) -> None:
    headers = {**JSON, "content-encoding": "gzip"}

    response = await client.post("/graphql", content=gzip.compress(b'{"query":"{hello}"}'), headers=headers)

    assert response.status_code == 400


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "application/json; charset=utf-16",
    ],
)
async def test_post_that_a_foreign_page_could_forge_is_refused(client: httpx.AsyncClient, content_type: str) -> None:
    headers = {"content-type": content_type}

    response = await client.post("/graphql", content=b'{"query":"{hello}"}', headers=headers)

    assert response.status_code == 415
    assert the_error(response)["extensions"]["code"] == "INVALID_REQUEST"


async def test_body_over_256_kib_is_refused_whether_announced_or_chunked(client: httpx.AsyncClient) -> None:
    body = b'{"query":"{hello}","extensions":{"x":"' + b"y" * 262_144 + b'"}}'

    async def chunks() -> Any:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    announced = await client.post("/graphql", content=body, headers=JSON)
    chunked = await client.post("/graphql", content=chunks(), headers=JSON)

    assert [announced.status_code, chunked.status_code] == [413, 413]
    assert the_error(chunked)["extensions"]["details"] == {"maxBytes": 262_144}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
async def test_other_methods_are_told_what_is_allowed(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/graphql")

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    the_error(response)


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0", "text/html", "application/jsonp, x/y;q=z"])
async def test_accept_header_that_nothing_fits_is_406(client: httpx.AsyncClient, accept: str) -> None:
    response = await client.post("/graphql", json={"query": "{hello}"}, headers={"accept": accept})

    assert response.status_code == 406
    the_error(response)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (f"{GRAPHQL_JSON}, application/json;q=0.9", GRAPHQL_JSON),
        (f"application/json, {GRAPHQL_JSON}", "application/json"),
        (f"application/json;q=0.5, {GRAPHQL_JSON};q=0.6", GRAPHQL_JSON),
        ("multipart/mixed;deferSpec=20220824, application/json", "application/json"),
        ("APPLICATION/JSON", "application/json"),
        ("image/*, */*;q=0.1", "application/json"),
    ],
)
async def test_answer_is_of_the_kind_that_is_wanted_most(client: httpx.AsyncClient, accept: str, expected: str) -> None:
    response = await client.post("/graphql", json={"query": "{hello}"}, headers={"accept": accept})

    assert response.status_code == 200
    assert response.headers["content-type"] == f"{expected}; charset=utf-8"
    assert response.json() == {"data": {"hello": "hello world"}}


async def test_mutation_by_get_is_refused_with_405_and_not_run(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", params={"query": 'mutation{shout(text:"x")}'})

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert the_error(response)["extensions"]["code"] == "INVALID_REQUEST"


async def test_subscription_by_plain_post_is_told_the_two_ways(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "subscription{count(to:1)}"})

    assert response.status_code == 400
    assert "text/event-stream" in the_error(response)["message"]
    assert "graphql-transport-ws" in the_error(response)["message"]


async def test_query_by_get_is_answered_for_programs_and_own_pages(client: httpx.AsyncClient, toy: ToyServer) -> None:
    query = {"query": "query A($n:String!){hello(name:$n)}", "variables": '{"n":"x"}', "operationName": "A"}

    plain = await client.get("/graphql", params=query)
    own_page = await client.get("/graphql", params=query, headers={"sec-fetch-site": "same-origin"})
    own_origin = await client.get("/graphql", params=query, headers={"origin": f"http://127.0.0.1:{toy.port}"})

    assert [answer.json() for answer in (plain, own_page, own_origin)] == [{"data": {"hello": "hello x"}}] * 3


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"}]
)
async def test_query_by_get_from_a_foreign_page_needs_a_header_it_cannot_set(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    forged = await client.get("/graphql", params={"query": "{hello}"}, headers=headers)
    preflighted = await client.get(
        "/graphql", params={"query": "{hello}"}, headers={**headers, "x-requested-with": "x"}
    )

    assert forged.status_code == 403
    assert the_error(forged)["extensions"]["code"] == "FORBIDDEN"
    assert preflighted.status_code == 200


@pytest.mark.parametrize("variables", ["[1]", "{", "5", '"x"', "nul"])
async def test_bad_variables_by_get_are_refused(client: httpx.AsyncClient, variables: str) -> None:
    response = await client.get("/graphql", params={"query": "{hello}", "variables": variables})

    assert response.status_code == 400


async def test_page_is_for_who_prefers_html(client: httpx.AsyncClient) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

    page = await client.get("/graphql", headers={"accept": browser})
    program = await client.get(
        "/graphql", params={"query": "{hello}"}, headers={"accept": "application/json, text/html;q=0.5"}
    )

    assert page.text.startswith("<!doctype html>")
    assert program.json() == {"data": {"hello": "hello world"}}


async def test_wrong_credential_is_401_and_none_is_anonymous(client: httpx.AsyncClient) -> None:
    query = {"query": "{viewer}"}

    wrong = await client.post("/graphql", json=query, headers={"authorization": "Bearer nonsense"})
    good = await client.post("/graphql", json=query, headers={"x-api-key": "good"})
    none = await client.post("/graphql", json=query)

    assert wrong.status_code == 401
    assert wrong.headers["www-authenticate"] == "Bearer"
    assert the_error(wrong)["extensions"]["code"] == "UNAUTHORIZED"
    assert good.json() == {"data": {"viewer": "good"}}
    assert none.json() == {"data": {"viewer": "anonymous"}}


async def test_unavailable_database_is_503_with_the_time_to_come_back(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{viewer}"}, headers={"authorization": "later"})

    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert the_error(response)["extensions"]["retryAfter"] == 2


async def test_client_that_leaves_in_the_middle_of_its_body_is_no_error(toy: ToyServer) -> None:
    before = len(toy.log)
    _reader, writer = await asyncio.open_connection("127.0.0.1", toy.port)
    writer.write(b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{")
    await writer.drain()

    writer.transport.abort()
    await toy.status()

    assert toy.log[before:] == ""


async def test_variables_that_scalars_refuse_are_the_clients_error(client: httpx.AsyncClient) -> None:
    body = {"query": "query($n:Int!){items(first:$n){totalCount}}", "variables": {"n": "x"}}

    response = await client.post("/graphql", json=body, headers={"accept": GRAPHQL_JSON})

    assert response.status_code == 400
    assert the_error(response)["extensions"]["code"] == "INVALID_REQUEST"


@pytest.mark.parametrize("query", ["query A{hello} query B{hello}", "fragment F on Query{hello}", "type A{b:Int}"])
async def test_document_without_one_clear_operation_is_refused(client: httpx.AsyncClient, query: str) -> None:
    response = await client.post("/graphql", json={"query": query}, headers={"accept": GRAPHQL_JSON})

    assert response.status_code == 400
    assert {error["extensions"]["code"] for error in response.json()["errors"]} == {"INVALID_REQUEST"}


async def test_unknown_operation_name_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "query A{hello}", "operationName": "B"})

    assert the_error(response)["extensions"]["code"] == "INVALID_REQUEST"


@pytest.mark.parametrize(
    "query",
    [
        "{find(wanted:{name:$undefined})}",
        "fragment F on Query{find(wanted:{name:$a})} query($a:String){...F}",
        "{find(wanted:{name:null})}",
        '{find(wanted:{name:"a",number:1})}',
        "{find(wanted:{})}",
    ],
)
async def test_broken_one_of_inputs_are_validation_errors(client: httpx.AsyncClient, query: str) -> None:
    response = await client.post("/graphql", json={"query": query})

    body = orjson.loads(response.content)
    assert {error["extensions"]["code"] for error in body["errors"]} == {"INVALID_REQUEST"}
    assert body.get("data") is None
