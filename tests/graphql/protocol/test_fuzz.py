"""Whatever comes in, the outcome is one of those foreseen."""

import contextlib

import orjson
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


@given(frames | anything)
@settings(max_examples=500, deadline=None)
def test_any_frame_is_read_or_refused(message: object) -> None:
    with contextlib.suppress(BadFrame, orjson.JSONEncodeError):
        parse_frame(orjson.dumps(message).decode())


@given(payloads | anything)
@settings(max_examples=500, deadline=None)
def test_any_request_is_read_or_refused(payload: object) -> None:
    with contextlib.suppress(InvalidRequest):
        parse_operation(payload)


@given(documents | st.text(max_size=200))
@settings(max_examples=1000, deadline=None)
def test_any_document_is_prepared_with_or_without_errors(query: str) -> None:
    assert isinstance(prepare(schema._schema, query, schema.limits), PreparedDocument)


@given(st.text(alphabet="aplictoninexhmljsgrq/*+-;,=. 0123456789é", max_size=100) | st.none())
@settings(max_examples=500, deadline=None)
def test_any_accept_header_is_understood_or_refused(accept: str | None) -> None:
    assert choose_media_type(accept, frozenset(MediaType)) in {*MediaType, None}
