"""Scalars and enums answered without ceremony: the same values as graphql-core and Strawberry give, in less time.

Of a list's time nearly all goes into calling resolvers of leaves: for each field of each item a path, an info, a set of
arguments and a chain of extensions are made that no such resolver looks at. Fields without arguments that return a
plain value are called directly here; whatever is unusual takes the long way.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
)
from graphql.execution.executor import to_nodes
from graphql.pyutils import Path, Undefined
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import CustomGraphQLEnumType
from strawberry.types import Info
from strawberry.types.field import StrawberryField

# Values of any type pass through here, as they do through graphql-core: Any throughout this module.

_KEPT_UNDER = "safelight.leaves"


@dataclass(frozen=True, slots=True)
class Leaf:
    """How one field is answered."""

    resolve: Callable[..., Any]
    coerce: Callable[[Any], Any]
    definition: StrawberryField
    takes_info: bool
    may_be_null: bool


Leaves = Mapping[str, Mapping[str, Leaf]]
"""By the names of type and field."""


def note_leaves(schema: GraphQLSchema) -> None:
    """Find the leaves of a schema; its executor looks them up there."""
    found = {
        name: {field_name: leaf for field_name, field in kind.fields.items() if (leaf := _leaf_of(field))}
        for name, kind in schema.type_map.items()
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__")
    }
    schema.extensions[_KEPT_UNDER] = found


def _leaf_of(field: GraphQLField) -> Leaf | None:
    definition = (field.extensions or {}).get("strawberry-definition")
    kind = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    if field.args or not isinstance(definition, StrawberryField) or definition.is_async or definition.is_subscription:
        return None
    if not isinstance(kind, GraphQLScalarType | GraphQLEnumType):
        return None
    resolve = _resolver_of(definition)
    if resolve is None:
        return None
    resolver = definition.base_resolver
    takes_info = resolver is not None and resolver.info_parameter is not None
    return Leaf(resolve, _coercer_of(kind), definition, takes_info, not isinstance(field.type, GraphQLNonNull))


def _resolver_of(definition: StrawberryField) -> Callable[..., Any] | None:
    resolver = definition.base_resolver
    if resolver is None:
        name = definition.python_name
        return lambda source: getattr(source, name)
    function = resolver.wrapped_func
    if isinstance(function, staticmethod | classmethod):
        return None
    is_plain = list(inspect.signature(function).parameters) in (["self"], ["self", "info"])
    # `graphql_type` stands where the annotation would not do: the value may have to be awaited.
    is_annotated = "Await" not in str(function.__annotations__.get("return", ""))
    return function if is_plain and is_annotated else None


def _coercer_of(kind: GraphQLScalarType | GraphQLEnumType) -> Callable[[Any], Any]:
    if not isinstance(kind, CustomGraphQLEnumType):
        return kind.coerce_output_value
    members: list[Any] = list(kind.wrapped_cls)
    names = {member: kind.coerce_output_value(member) for member in members}
    return names.__getitem__


class QuickExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes operations with a short way for leaves."""

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        """As in graphql-core; what is no leaf of ours is left to it, field by field."""
        leaves = self.schema.extensions[_KEPT_UNDER].get(parent_type.name, {})
        results: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for response_name, details in grouped_field_set.items():
            leaf = leaves.get(details[0].node.name.value)
            if leaf is None:
                # Its place is kept, as the answer has the order of the question.
                results[response_name] = Undefined
                rest[response_name] = details
            else:
                try:
                    results[response_name] = self._answer(leaf, parent_type, source_value, path, response_name, details)
                except Exception as error:
                    field = parent_type.fields[details[0].node.name.value]
                    here = Path(path, response_name, parent_type.name)
                    self.handle_field_error(error, field.type, details, here)
                    results[response_name] = None
        if not rest:
            return results
        others: Any = super().execute_fields(parent_type, source_value, path, rest, position_context)
        if self.is_awaitable(others):
            return _merged(results, others)
        return _merge(results, others)

    def _answer(
        self, leaf: Leaf, parent_type: GraphQLObjectType, source: Any, path: Path | None, name: str, details: Any
    ) -> Any:
        if leaf.takes_info:
            field = parent_type.fields[details[0].node.name.value]
            here = Path(path, name, parent_type.name)
            raw = self.build_resolve_info(field, to_nodes(details), parent_type, here)
            value = leaf.resolve(source, Info(_raw_info=raw, _field=leaf.definition))
        else:
            value = leaf.resolve(source)
        if value is None:
            if leaf.may_be_null:
                return None
            field_name = details[0].node.name.value
            raise TypeError(f"Cannot return null for non-nullable field {parent_type.name}.{field_name}.")
        return leaf.coerce(value)


async def _merged(results: dict[str, Any], others: Any) -> dict[str, Any]:
    return _merge(results, await others)


def _merge(results: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    results.update(others)
    # A field that the schema does not know has no answer.
    return {name: value for name, value in results.items() if value is not Undefined}
