"""Whatever comes in, the outcome is one of those foreseen."""

import contextlib
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidRequest
from app.graphql_api.documents import PreparedDocument, prepare
from app.graphql_api.frames import BadFrame, parse_frame
from app.graphql_api.negotiation import MediaType, choose_media_type
from app.graphql_api.parsing import parse_operation
from tests.support.toy_schema import make_toy_schema

schema = make_toy_schema()

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
types = st.sampled_from(["connection_init", "ping", "pong", "subscribe", "complete", "next", "error"])
payloads = st.fixed_dictionaries(
    {}, optional={"query": anything, "variables": anything, "operationName": anything, "extensions": anything}
)
frames = st.fixed_dictionaries(
    {}, optional={"type": types | anything, "id": st.text(max_size=200) | anything, "payload": payloads | anything}
)
WORDS = [
    "query",
    "mutation",
    "subscription",
    "fragment",
    "on",
    "F",
    "hello",
    "items",
    "nodes",
    "friends",
    "name",
    "first",
    "last",
    "ids",
    "wanted",
    "Query",
    "Item",
    "String",
    "$a",
    "$b",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ":",
    "!",
    "=",
    "...",
    "@",
    "@skip",
    "@include",
    "if",
    "true",
    "false",
    "null",
    "0",
    "-1",
    "1e9",
    "99999999999",
    '"x"',
    '"""y"""',
    "#",
    ",",
    "&",
    "|",
    "__typename",
    "__schema",
    "types",
    "fields",
    "type",
    "ofType",
    "input",
    "extend",
    "schema",
    "\ufeff",
    "\x00",
    "é",
    "🏃",
]
documents = st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join)


def read_frame(message: object) -> None:
    with contextlib.suppress(BadFrame, orjson.JSONEncodeError):
        parse_frame(orjson.dumps(message).decode())


def read_request(payload: object) -> None:
    with contextlib.suppress(InvalidRequest):
        parse_operation(payload)


def prepare_document(query: str) -> None:
    assert isinstance(prepare(schema._schema, query, schema.limits), PreparedDocument)


def negotiate(accept: str | None) -> None:
    assert choose_media_type(accept, frozenset(MediaType)) in {*MediaType, None}


@pytest.mark.parametrize("examples", [60, pytest.param(1_000, marks=pytest.mark.full("more draws of the same kind"))])
@pytest.mark.parametrize(
    ("read", "drawn"),
    [
        (read_frame, frames | anything),
        (read_request, payloads | anything),
        (prepare_document, documents | st.text(max_size=200)),
        (negotiate, st.text(alphabet="aplictoninexhmljsgrq/*+-;,=. 0123456789é", max_size=100) | st.none()),
    ],
    ids=["frame", "request", "document", "accept header"],
)
def test_anything_is_read_or_refused(
    read: Callable[[Any], None], drawn: st.SearchStrategy[object], examples: int
) -> None:
    settings(max_examples=examples)(given(drawn)(read))()
