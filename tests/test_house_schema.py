"""The schema as a promise: committed as it is, described in every part, and true to the contract it grew from."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    build_schema,
    is_introspection_type,
    is_required_argument,
    is_required_input_field,
    is_specified_scalar_type,
)

from app.graphql_api.schema import write_sdl
from tests.support.paths import ROOT, SHARED

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


def test_what_the_contract_promises_is_kept_as_far_as_it_is_there() -> None:
    if not CONTRACT.is_file():
        pytest.skip("the contract lies beside the project, and not here")
    promised, kept = (own_types(build_schema(text)) for text in (CONTRACT.read_text(), write_sdl()))

    broken = [
        problem for name, kind in promised.items() if name in kept for problem in broken_parts(name, kind, kept[name])
    ]

    assert broken == []


def broken_parts(name: str, promised: GraphQLNamedType, kept: GraphQLNamedType) -> Iterator[str]:
    """What differs in the parts that both have, and what ours demands beyond the contract."""
    if type(promised) is not type(kept):
        yield f"{name} is another kind of type"
    elif isinstance(promised, GraphQLInputObjectType) and isinstance(kept, GraphQLInputObjectType):
        yield from broken_inputs(name, promised.fields, kept.fields)
        new = (field for field in kept.fields if field not in promised.fields)
        yield from (f"{name}.{field} is demanded" for field in new if is_required_input_field(kept.fields[field]))
    elif isinstance(promised, GraphQLObjectType | GraphQLInterfaceType):
        assert isinstance(kept, GraphQLObjectType | GraphQLInterfaceType)
        missing = {each.name for each in promised.interfaces} - {each.name for each in kept.interfaces}
        yield from (f"{name} does not implement {interface}" for interface in missing)
        for field in promised.fields.keys() & kept.fields.keys():
            yield from broken_field(f"{name}.{field}", promised.fields[field], kept.fields[field])


def broken_field(where: str, promised: Any, kept: Any) -> Iterator[str]:  # GraphQLField, whose own types are Any
    if str(promised.type) != str(kept.type):
        yield f"{where} is {kept.type}, promised is {promised.type}"
    yield from broken_inputs(where, promised.args, kept.args)
    new = (name for name in kept.args if name not in promised.args)
    yield from (f"{where}({name}) is demanded" for name in new if is_required_argument(kept.args[name]))


def broken_inputs(where: str, promised: Mapping[str, Any], kept: Mapping[str, Any]) -> Iterator[str]:
    """Arguments or input fields whose type or default differs; none and null are the same default."""
    for name in promised.keys() & kept.keys():
        ours, theirs = kept[name], promised[name]
        if str(ours.type) != str(theirs.type):
            yield f"{where}({name}) is {ours.type}, promised is {theirs.type}"
        if default_of(ours) != default_of(theirs):
            yield f"{where}({name}) is {default_of(ours)!r} by default, promised is {default_of(theirs)!r}"


def default_of(part: Any) -> object:
    return None if part.default_value is Undefined else part.default_value
