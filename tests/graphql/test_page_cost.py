"""The cost of a document is that of the pages that the resolvers give, whichever way a page is asked for."""

import httpx
from graphql import get_operation_ast, parse
from graphql.execution.values import get_argument_values, get_variable_values
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidRequest
from app.graphql_api.limits import DocumentLimits
from app.graphql_api.schema import get_schema
from app.graphql_api.weighing import check_weight
from app.schema.pages import read_page
from tests.support.client import Client

NO_LIMIT = DocumentLimits(max_cost=10**9)
GRAPHQL_SCHEMA = get_schema()._schema  # what graphql-core validates against; Strawberry has no public name for it
NESTED = "images(first: null) { nodes { album { %s } } }"
DEEP = "{ " + NESTED % (NESTED % "images(first: null) { nodes { id } }") + " }"

literals = st.sampled_from(["null", "1", "2", "50", "100"])
variables = st.sampled_from(["$none", "$default"])
arguments = st.dictionaries(st.sampled_from(["first", "last"]), literals | variables, max_size=2)
numbers = st.sampled_from([None, 1, 7, 100])


@given(outer=arguments, inner=arguments, default=st.sampled_from(["null", "1", "100"]), none=numbers)
def test_no_page_holds_more_than_the_document_weighs(
    outer: dict[str, str], inner: dict[str, str], default: str, none: int | None
) -> None:
    text = (
        f"query ($none: Int, $default: Int = {default}) "
        f"{{ images{_written(outer)} {{ nodes {{ album {{ images{_written(inner)} {{ nodes {{ id }} }} }} }} }} }}"
    )

    predicted = check_weight(GRAPHQL_SCHEMA, parse(text), NO_LIMIT).cost

    sizes = [_page_of(text, said, {"none": none}) for said in (outer, inner)]
    assert sizes[0] * (1 + sizes[1]) <= predicted


def test_a_null_weighs_as_much_as_a_page_that_is_not_given() -> None:
    weights = [
        check_weight(GRAPHQL_SCHEMA, parse(f"{{ images{said} {{ nodes {{ id }} }} }}"), NO_LIMIT).cost
        for said in ("", "(first: null)", "(last: null)", "(first: null, last: null)", "(first: 50)")
    ]

    assert len(set(weights)) == 1


async def test_nested_pages_of_null_are_refused_before_any_row_is_read(client: Client) -> None:
    async with httpx.AsyncClient(base_url=client.base_url, headers=client.http.headers) as http:
        answer = await http.post("/graphql", json={"query": DEEP})

    (error,) = answer.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["details"]["limit"]) == ("QUERY_TOO_COMPLEX", "cost")


def _written(arguments: dict[str, str]) -> str:
    return f"({', '.join(f'{name}: {value}' for name, value in arguments.items())})" if arguments else ""


def _page_of(text: str, arguments: dict[str, str], given: dict[str, int | None]) -> int:
    """Entries that the resolver would read for these arguments; none where it refuses them."""
    document = parse(f"{text.partition('{')[0]} {{ images{_written(arguments)} {{ nodes {{ id }} }} }}")
    operation = get_operation_ast(document)
    assert operation is not None
    values = get_variable_values(GRAPHQL_SCHEMA, operation.variable_definitions or (), given)
    (field,) = operation.selection_set.selections
    query = GRAPHQL_SCHEMA.query_type
    assert query is not None
    said = get_argument_values(query.fields["images"], field, values)  # type: ignore[arg-type]  # the one field
    try:
        return read_page(said.get("first"), None, said.get("last"), None).limit
    except InvalidRequest:
        return 0
