"""What errors look like to a client, and what of them the log keeps."""

import httpx

from tests.support.toy_process import ToyServer


async def test_expected_failure_has_code_details_and_path(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{other:missing}"})

    error = response.json()["errors"][0]
    assert response.status_code == 200
    assert response.json()["data"] == {"other": None}
    extensions = error.pop("extensions")
    assert len(extensions.pop("requestId")) == 32
    assert extensions == {"code": "NOT_FOUND", "details": {"someThing": 1}}
    assert error == {"message": "There is no such thing.", "path": ["other"], "locations": [{"line": 1, "column": 2}]}


async def test_retry_after_is_told(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{unavailable}"})

    extensions = response.json()["errors"][0]["extensions"]
    assert extensions["code"] == "UNAVAILABLE"
    assert extensions["retryAfter"] == 3


async def test_unforeseen_exception_is_masked_and_logged_once_with_its_request_id(
    client: httpx.AsyncClient, toy: ToyServer
) -> None:
    before = len(toy.log)

    response = await client.post(
        "/graphql", json={"query": "query Secret{a:boom b:boom}", "variables": {"x": "private"}}
    )

    errors = response.json()["errors"]
    assert {error["extensions"]["code"] for error in errors} == {"INTERNAL"}
    assert "secret" not in response.text
    written = toy.log[before:]
    assert written.count("Traceback") == 1
    assert written.count("graphql_fault") == 1
    assert "Secret" not in written
    assert "private" not in written


async def test_value_that_is_no_json_is_a_masked_fault(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{strange}"})

    assert response.status_code == 200
    assert response.json()["data"] is None
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"


async def test_exception_while_authenticating_is_a_masked_500(client: httpx.AsyncClient, toy: ToyServer) -> None:
    before = len(toy.log)

    response = await client.post("/graphql", json={"query": "{hello}"}, headers={"authorization": "crash"})

    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "burns" not in response.text
    assert toy.log[before:].count("graphql_fault") == 1


async def test_clients_mistakes_leave_nothing_in_the_log(client: httpx.AsyncClient, toy: ToyServer) -> None:
    before = len(toy.log)

    for query in ("{", "{nothing}", "{missing}", "{hello(name:5)}"):
        await client.post("/graphql", json={"query": query})

    assert toy.log[before:] == ""
