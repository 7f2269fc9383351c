"""What an operation returns stays within what was predicted of its document, and within a budget while it runs."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.graphql_api.documents import prepare
from app.graphql_api.execution import Answer, Operation, OperationRequest, SafelightSchema, make_schema
from app.graphql_api.limits import DocumentLimits
from tests.support.toy_process import ToyServer
from tests.support.toy_schema import Context, Query, make_toy_schema

schema = make_toy_schema()
LARGE = DocumentLimits(max_cost=10**9, max_rows=10**9)

sizes = st.sampled_from(["null", "1", "7", "100", "$n"]) | st.none()


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Queries of pages with every way to write, or not to write, how large they are."""
    fields = []
    for index in range(draw(st.integers(1, 3))):
        given = {name: draw(sizes) for name in ("first", "last")}
        arguments = ",".join(f"{name}:{size}" for name, size in given.items() if size is not None)
        nested = "friends{name friends{name}}" if draw(st.booleans()) else "name"
        fields.append(f"a{index}:items{'(' + arguments + ')' if arguments else ''}{{nodes{{{nested}}}}}")
    head = "query($n:Int=" + draw(st.sampled_from(["null", "3", "100"])) + ")"
    return head + '{hello(name:"x")' + " ".join(fields) + " ...@include(if:false){items(first:$n){totalCount}}}"


def rows_of(value: Any) -> Iterator[Any]:
    """Each object that stands in a list, at any depth."""
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(value, list):
            yield inner
        yield from rows_of(inner)


@settings(max_examples=60, deadline=None)
@given(documents(), st.sampled_from([{}, {"n": None}, {"n": 1}, {"n": 100}]))
async def test_no_document_returns_more_rows_than_predicted(query: str, variables: dict[str, Any]) -> None:
    predicted = prepare(schema._schema, query, LARGE).weight.cost
    wide = make_schema(Query, limits=LARGE)

    answer = await begin(wide, query, variables).run()

    assert answer.errors == ()
    assert len(list(rows_of(answer.data))) <= predicted


async def test_operation_over_its_rows_or_its_time_ends_with_one_error() -> None:
    query = "{items(first:100){nodes{friends{friends{name}}}}}"
    for limits in (replace(LARGE, max_rows=150), replace(LARGE, max_run_s=0.0)):
        answer = await begin(make_schema(Query, limits=limits), query, {}).run()

        assert answer.data is None
        (error,) = answer.errors
        assert getattr(error.original_error, "code", "") == "QUERY_TOO_COMPLEX"


async def test_query_stops_when_its_client_disconnects(toy: ToyServer) -> None:
    body = b'{"query":"{announcement}"}'
    _, writer = await asyncio.open_connection("127.0.0.1", toy.port)
    head = f"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    writer.write(head.encode() + b"\r\n\r\n" + body)
    await toy.wait_for(1, 1)
    writer.close()

    await toy.wait_for(1, 0)


def begin(schema: SafelightSchema, query: str, variables: dict[str, Any]) -> Operation:
    operation = schema.begin(OperationRequest(query, variables), Context("", "", 0))
    assert not isinstance(operation, Answer), operation.errors
    return operation
