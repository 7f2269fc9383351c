"""The schema as a promise: committed as it is, described in every part, and true to the contract it grew from."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    find_dangerous_changes,
    is_introspection_type,
    is_required_argument,
    is_required_input_field,
    is_specified_scalar_type,
    print_ast,
)

from app.graphql_api.schema import write_sdl
from tests.support.paths import ROOT, SHARED
from tests.support.schema_differences import EXPECTED

COMPARED = {
    *("TYPE_REMOVED", "FIELD_REMOVED", "ARG_REMOVED", "VALUE_REMOVED_FROM_ENUM", "IMPLEMENTED_INTERFACE_REMOVED"),
    *("FIELD_CHANGED_KIND", "ARG_CHANGED_KIND", "REQUIRED_ARG_ADDED", "REQUIRED_INPUT_FIELD_ADDED"),
}
"""Of graphql-core's breaking changes, those that this module compares itself, and more strictly."""
CONTRACT = SHARED / "design" / "contract.graphql"


def own_types(schema: GraphQLSchema) -> dict[str, GraphQLNamedType]:
    return {
        name: kind
        for name, kind in schema.type_map.items()
        if not is_introspection_type(kind) and not is_specified_scalar_type(kind)
    }


def test_the_committed_schema_is_what_the_code_says() -> None:
    assert (ROOT / "schema.graphql").read_text() == write_sdl(), "run `make sdl`"


def test_every_part_of_the_schema_is_described() -> None:
    schema = build_schema(write_sdl())

    mute = [
        where
        for name, kind in own_types(schema).items()
        for where, text in described_parts(name, kind)
        if not (text or "").strip()
    ]

    assert mute == []


def described_parts(name: str, kind: GraphQLNamedType) -> Iterator[tuple[str, str | None]]:
    yield name, kind.description
    if isinstance(kind, GraphQLEnumType):
        yield from ((f"{name}.{value}", part.description) for value, part in kind.values.items())
    if isinstance(kind, GraphQLInputObjectType):
        yield from ((f"{name}.{field}", part.description) for field, part in kind.fields.items())
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        for field, part in kind.fields.items():
            yield f"{name}.{field}", part.description
            yield from ((f"{name}.{field}({argument})", each.description) for argument, each in part.args.items())


@cache
def both_schemas() -> tuple[GraphQLSchema, GraphQLSchema]:
    """The contract's, and ours."""
    if not CONTRACT.is_file():
        pytest.skip("the contract lies beside the project, and not here")
    return build_schema(CONTRACT.read_text()), build_schema(write_sdl())


def test_the_schema_differs_from_the_contract_only_as_expected() -> None:
    expected = set().union(*EXPECTED.values())

    unexpected = set(differences(*both_schemas())) - expected

    assert unexpected == set(), "keep the contract, or list the difference in tests/support/schema_differences.py"


def test_every_expected_difference_is_still_there() -> None:
    found = set(differences(*both_schemas()))

    settled = {title: parts - found for title, parts in EXPECTED.items()}

    assert {title: parts for title, parts in settled.items() if parts} == {}, "remove these entries"


def test_no_difference_is_expected_twice() -> None:
    assert sum(map(len, EXPECTED.values())) == len(set().union(*EXPECTED.values()))


def differences(contract: GraphQLSchema, ours: GraphQLSchema) -> Iterator[str]:
    """What the contract has and the schema lacks, types and defaults that differ, and what ours demands beyond it."""
    for name, promised in own_types(contract).items():
        kept = ours.type_map.get(name)
        if kept is None:
            yield f"{name} is missing"
        elif type(promised) is not type(kept):
            yield f"{name} is another kind of type"
        elif isinstance(promised, GraphQLEnumType) and isinstance(kept, GraphQLEnumType):
            yield from (f"{name}.{value} is missing" for value in promised.values if value not in kept.values)
        elif isinstance(promised, GraphQLInputObjectType) and isinstance(kept, GraphQLInputObjectType):
            yield from input_differences(f"{name}.{{}}", promised.fields, kept.fields)
        elif isinstance(promised, GraphQLObjectType | GraphQLInterfaceType):
            assert isinstance(kept, GraphQLObjectType | GraphQLInterfaceType)
            yield from object_differences(name, promised, kept)
    yield from other_changes(contract, ours)


Composite = GraphQLObjectType | GraphQLInterfaceType


def object_differences(name: str, promised: Composite, kept: Composite) -> Iterator[str]:
    missing = {each.name for each in promised.interfaces} - {each.name for each in kept.interfaces}
    yield from (f"{name} does not implement {interface}" for interface in missing)
    for field, theirs in promised.fields.items():
        if field not in kept.fields:
            yield f"{name}.{field} is missing"
            continue
        ours = kept.fields[field]
        if str(ours.type) == f"{theirs.type}!":
            yield f"{name}.{field} is stricter than the contract"
        elif str(ours.type) != str(theirs.type):
            yield f"{name}.{field} is {ours.type}, in the contract {theirs.type}"
        yield from input_differences(f"{name}.{field}({{}})", theirs.args, ours.args)


def input_differences(where: str, promised: Mapping[str, Any], kept: Mapping[str, Any]) -> Iterator[str]:
    """Arguments or input fields, whose common type in graphql-core is Any: types, defaults, and what is demanded."""
    for name, theirs in promised.items():
        place, ours = where.format(name), kept.get(name)
        if ours is None:
            yield f"{place} is missing"
        elif str(ours.type) != str(theirs.type):
            yield f"{place} is {ours.type}, in the contract {theirs.type}"
        elif isinstance(ours, GraphQLInputField) and default_of(ours) != default_of(theirs):
            yield f"{place} has another default"
    new = (name for name in kept if name not in promised)
    yield from (f"{where.format(name)} is demanded" for name in new if is_demanded(kept[name]))


def is_demanded(part: GraphQLArgument | GraphQLInputField) -> bool:
    return is_required_argument(part) if isinstance(part, GraphQLArgument) else is_required_input_field(part)


def default_of(part: GraphQLInputField) -> str | None:
    """As the SDL writes it: graphql-core 3.3 leaves `default_value` of a parsed schema empty. Null is no default."""
    written = part.ast_node.default_value if part.ast_node else None
    text = print_ast(written) if written else None
    return None if text == "null" else text


def other_changes(contract: GraphQLSchema, ours: GraphQLSchema) -> Iterator[str]:
    """Changed defaults of arguments, and breaking changes of the kinds that are not compared above."""
    breaking = (each for each in find_breaking_changes(contract, ours) if each.type.name not in COMPARED)
    yield from (each.description for each in breaking)
    dangerous = find_dangerous_changes(contract, ours)
    yield from (each.description for each in dangerous if each.type.name == "ARG_DEFAULT_VALUE_CHANGE")
