"""Documents made to exhaust a server: each is refused, with little work and in few words; honest ones pass."""

import contextlib
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query

from app.errors import InvalidRequest
from app.graphql_api.documents import DocumentCache, prepare
from app.graphql_api.execution import OperationRequest
from app.graphql_api.fanout import encode_answer
from app.graphql_api.limits import DocumentLimits
from app.graphql_api.parsing import parse_operation
from tests.support.toy_process import ToyServer
from tests.support.toy_schema import Context, make_toy_schema

MAX_CALLS = 200_000
"""Of Python functions, until a document is refused: much less than 100 ms, and the same number on every machine."""
MAX_CALLS_OF_ANSWERED = 1_000_000
MAX_REPLY_BYTES = 8_192
MAX_LOGGED_BYTES = 2_048
BIG = "x" * 60_000

schema = make_toy_schema()
graphql_schema = schema._schema  # what graphql-core validates against; Strawberry has no public name for it


def exponential_fragments(levels: int) -> str:
    chain = "".join(f"fragment F{i} on Item{{friends{{...F{i + 1}}} x:friends{{...F{i + 1}}}}}" for i in range(levels))
    return f"{{items{{nodes{{...F0}}}}}}{chain}fragment F{levels} on Item{{name}}"


def spread_bomb(levels: int) -> str:
    chain = "".join(f"fragment F{i} on Query{{...F{i + 1} ...F{i + 1}}}" for i in range(levels))
    return f"{{...F0}}{chain}fragment F{levels} on Query{{hello items{{totalCount}}}}"


def clique(size: int) -> str:
    names = " ".join(f"...F{i}" for i in range(size))
    return "{...F0}" + "".join(f"fragment F{i} on Query{{hello {names}}}" for i in range(size))


TOO_COMPLEX = {
    "deep introspection": "{__schema{types{" + "fields{type{" * 6 + "name" + "}}" * 6 + "}}}",
    "long number": "{items(first:" + "9" * 60_000 + "){totalCount}}",
    "2 MB flat": "{" + "a " * 1_000_000 + "}",
    "2 MB of comments": "{hello}" + "#\n" * 1_000_000,
    "tokens": "{" + "hello " * 2_100 + "}",
    "nested lists": "{hello(name:" + "[" * 50_000 + "}",
    "deep fields": "{items{nodes{" + "friends{" * 40 + "name" + "}" * 43,
    "deep inline fragments": "{" + "...{" * 500 + "hello" + "}" * 501,
    "exponential fields": exponential_fragments(12),
    "exponential spreads": spread_bomb(25),
    "clique of fragments": clique(24),
    "aliases": "{" + " ".join(f"a{i}:__typename" for i in range(101)) + "}",
    "equal fields": "{" + "hello " * 590 + "}",
    "equal objects": "{" + "items{totalCount} " * 300 + "}",
    "equal fields by fragments": "{"
    + " ".join(f"...F{i}" for i in range(120))
    + "}"
    + "".join(f"fragment F{i} on Query{{hello}}" for i in range(120)),
    "directives": "{hello " + "@skip(if:false) " * 300 + "}",
    "unknown directives": "{hello " + "@a " * 1_900 + "}",
    "literal page": "{items(first:1000000){nodes{name}}}",
    "last page": "{items(last:1000000){nodes{name}}}",
    "long page": "{items(first:" + "9" * 5_000 + "){nodes{name}}}",
    "variable pages": "query($n:Int){items(first:$n){nodes{friends{friends{friends{name}}}}}}",
    "null page": "{items(first:null){nodes{friends{friends{friends{name}}}}}}",
    "null pages": "{items(first:null,last:null){nodes{friends{friends{friends{name}}}}}}",
    "null beside a page": "{items(first:null,last:100){nodes{friends{friends{friends{name}}}}}}",
    "many ids": "{itemsByIds(ids:[" + '"a" ' * 1_500 + "]){friends{friends{name}}}}",
    "introspection lists": "{__schema{"
    + " ".join(f"a{i}:types{{fields{{args{{type{{ofType{{fields{{name}}}}}}}}}}}}" for i in range(45))
    + "}}",
}

INVALID = {
    "many comments": "{hello}" + "#\n" * 30_000,
    "syntax": "{",
    "unknown field": "{nothing}",
    "unknown fields": "{" + " ".join(f"a{i}" for i in range(500)) + "}",
    "long field name": "{" + BIG + "}",
    "long argument name": "{hello(" + BIG + ":1)}",
    "long type name": "{...on " + BIG + "{a}}",
    "long directive name": "{hello @" + BIG + "}",
    "long variable name": "query($" + BIG + ":Int){hello}",
    "long enum": "mutation{write(notes:[{text:\"\" colour:" + BIG + "}])}",
    "long input field": "mutation{write(notes:[{" + BIG + ":1}])}",
    "long float": "{items(first:1e" + "9" * 60_000 + "){totalCount}}",
    "long string for a number": '{items(first:"' + BIG + '"){totalCount}}',
    "fragment cycle": "{...A} fragment A on Query{...B} fragment B on Query{...A}",
    "self cycle": "{hello ...A} fragment A on Query{hello ...A}",
    "unknown fragments": "{" + " ".join(f"...a{i}" for i in range(100)) + "}",
    "unused fragments": "{hello}" + "".join(f"fragment a{i} on Query{{hello}}" for i in range(250)),
    "unused variables": "query(" + " ".join(f"$a{i}:Int" for i in range(400)) + "){hello}",
    "many operations": "".join(f"query A{{a{i}:hello}}" for i in range(50)),
    "surrogate escape": '{hello(name:"\\uD800")}',
}  # fmt: skip

HONEST = {
    "introspection": get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    ),
    "page of a hundred": "query($n:Int){items(first:$n){nodes{number name friends{number name}} totalCount}}",
    "fragments": "{...A ...B} fragment A on Query{items{nodes{...C}}} fragment B on Query{items{nodes{...C}}} "
    "fragment C on Item{__typename number name}",
    "a hundred __typename": "{hello " + "__typename " * 100 + "}",
    "long string": '{hello(name:"' + "x" * 50_000 + '")}',
    "long comment": "{hello}#" + BIG,
    "unknown type of a fragment": "{__type(name:\"" + "x" * 5_000 + "\"){name}}",
}  # fmt: skip


def calls_of(work: Callable[[], object]) -> int:
    """How many Python functions it calls."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


def begin(body: bytes) -> None:
    """The work of the server on a body until it runs the operation."""
    with contextlib.suppress(InvalidRequest, ValueError):
        schema.begin(parse_operation(json.loads(body)), Context("", "", 0))


def refuse(query: str) -> dict[str, Any]:
    """The answer to a document that must not run, made with little work and in 8 KB."""
    assert calls_of(lambda: prepare(graphql_schema, query, schema.limits)) < MAX_CALLS
    answer = schema.begin(OperationRequest(query), Context("", "", 0))
    encoded = encode_answer(answer, "id")  # type: ignore[arg-type]  # not an Operation, or the next line fails
    assert len(encoded) < MAX_REPLY_BYTES
    body: dict[str, Any] = json.loads(encoded)
    assert set(body) == {"errors"}
    return body


@pytest.mark.parametrize("query", TOO_COMPLEX.values(), ids=TOO_COMPLEX.keys())
def test_document_over_a_limit_is_refused_as_too_complex(query: str) -> None:
    errors = refuse(query)["errors"]

    assert [error["extensions"]["code"] for error in errors] == ["QUERY_TOO_COMPLEX"]
    assert set(errors[0]["extensions"]["details"]) >= {"limit", "maximum"}


@pytest.mark.parametrize("query", INVALID.values(), ids=INVALID.keys())
def test_invalid_document_is_refused_in_few_words(query: str) -> None:
    errors = refuse(query)["errors"]

    assert {error["extensions"]["code"] for error in errors} == {"INVALID_REQUEST"}


@pytest.mark.parametrize("query", HONEST.values(), ids=HONEST.keys())
async def test_honest_document_is_answered(query: str) -> None:
    operation = schema.begin(OperationRequest(query, {"n": 20}), Context("", "", 0))

    answer = await operation.run()  # type: ignore[union-attr]  # an Answer has no run: then the test fails

    assert answer.errors == ()


def test_document_is_prepared_once_however_often_it_comes() -> None:
    cache = DocumentCache(graphql_schema, DocumentLimits())

    prepared = [cache.prepare("{hello}") for _ in range(200)]

    assert (cache.hits, cache.misses) == (199, 1)
    assert len({id(each) for each in prepared}) == 1


def test_cache_forgets_what_was_not_used_for_longest() -> None:
    cache = DocumentCache(graphql_schema, DocumentLimits(), max_entries=2)
    for query in ("{hello}", "{viewer}", "{hello}", "{contextNumber}"):
        cache.prepare(query)

    cache.prepare("{hello}")
    cache.prepare("{viewer}")

    assert (cache.hits, cache.misses) == (2, 4)


def test_cache_is_bounded_by_the_size_of_what_it_holds() -> None:
    cache = DocumentCache(graphql_schema, DocumentLimits(), max_cached_tokens=100)
    for number in range(50):
        cache.prepare(f'{{hello(name:"{number}{"x" * 640}")}}')

    cache.prepare(f'{{hello(name:"{0}{"x" * 640}")}}')

    assert cache.hits == 0


async def test_cache_is_hit_by_requests_of_the_server(toy: ToyServer, client: httpx.AsyncClient) -> None:
    query = "{hello viewer}"
    await client.post("/graphql", json={"query": query})
    hits_before, misses_before = (await toy.status())[3:]

    for _ in range(10):
        await client.post("/graphql", json={"query": query})

    assert (await toy.status())[3:] == [hits_before + 10, misses_before]


async def test_limits_hold_for_strawberrys_own_execute_too() -> None:
    refused = await schema.execute(TOO_COMPLEX["aliases"])
    broken = await schema.execute("{")
    answered = await schema.execute("{hello}")

    assert refused.errors
    assert refused.data is None
    assert broken.errors
    assert answered.data == {"hello": "hello world"}


HUGE_VARIABLES = {
    "values": ("query($a:[Int!]){__typename}", {"a": list(range(20_000))}),
    "keys": ("query($a:Int){__typename}", {f"k{i}": i for i in range(20_000)}),
    "wrong values": ("mutation($a:[Note!]!){write(notes:$a)}", {"a": [5] * 9_000}),
    "wrong fields": ("mutation($a:[Note!]!){write(notes:$a)}", {"a": [{"text": 5, "x": 1}] * 3_000}),
    "unknown long field": ("mutation($a:[Note!]!){write(notes:$a)}", {"a": [{"x" * 200_000: 1}]}),
    "unknown long enum": ("mutation($a:[Note!]!){write(notes:$a)}", {"a": [{"text": "", "colour": "x" * 200_000}]}),
    "long text for a number": ("query($n:Int){items(first:$n){totalCount}}", {"n": "9" * 200_000}),
    "deep value": ("mutation($a:[Note!]!){write(notes:$a)}", {"a": json.loads("[" * 400 + "]" * 400)}),
}


@pytest.mark.usefixtures("traceback_free")
@pytest.mark.parametrize(("query", "variables"), HUGE_VARIABLES.values(), ids=HUGE_VARIABLES.keys())
async def test_huge_variables_cost_little(
    toy: ToyServer, client: httpx.AsyncClient, query: str, variables: dict[str, object]
) -> None:
    log_before = len(toy.log)
    body = {"query": query, "variables": variables}

    response = await client.post("/graphql", json=body)

    assert response.status_code in (200, 400, 413)
    assert response.json()["errors"]
    assert len(response.content) < MAX_REPLY_BYTES
    assert calls_of(lambda: begin(json.dumps(body).encode())) < MAX_CALLS
    assert len(toy.log) - log_before < MAX_LOGGED_BYTES


ANSWERED_OR_REFUSED = {
    "comments_300KB",
    "field_dup_500",
    "introspection_full",
    "json_nan",
    "json_null_byte",
    "variables_1e5_keys",
}


@pytest.mark.usefixtures("traceback_free")
async def test_hostile_corpus_is_refused_with_little_work_and_in_few_words(
    toy: ToyServer, client: httpx.AsyncClient, corpus: Path
) -> None:
    files = sorted((corpus / "hostile" / "graphql").glob("*.json"))
    assert files

    for file in files:
        log_before, content = len(toy.log), file.read_bytes()
        response = await client.post("/graphql", content=content, headers={"content-type": "application/json"})

        body = response.json()
        assert response.status_code < 500, file.name
        most = MAX_CALLS_OF_ANSWERED if file.stem in ANSWERED_OR_REFUSED else MAX_CALLS
        assert calls_of(partial(begin, content)) < most, file.name
        assert len(toy.log) - log_before < MAX_LOGGED_BYTES, file.name
        if file.stem not in ANSWERED_OR_REFUSED:
            assert body["errors"], file.name
            assert body.get("data") is None, file.name
            assert len(response.content) < MAX_REPLY_BYTES, file.name
