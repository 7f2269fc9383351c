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
    graphql_type: Any
    name: str

    def check_may_be_null(self) -> None:
        """Return where null is an answer.

        Raises:
            TypeError: it is none.
        """
        if isinstance(self.graphql_type, GraphQLNonNull):
            raise TypeError(f"Cannot return null for non-nullable field {self.name}.")


Leaves = Mapping[str, Mapping[str, Leaf]]
"""By the names of type and field."""


def note_leaves(schema: GraphQLSchema) -> None:
    """Find the leaves of a schema; its executor looks them up there."""
    found = {
        name: {
            field_name: leaf
            for field_name, field in kind.fields.items()
            if (leaf := _leaf_of(field, f"{name}.{field_name}"))
        }
        for name, kind in schema.type_map.items()
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__")
    }
    schema.extensions[_KEPT_UNDER] = found


def _leaf_of(field: GraphQLField, name: str) -> Leaf | None:
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
    return Leaf(resolve, _coercer_of(kind), definition, takes_info, field.type, name)


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

    _plans: "dict[int, tuple[Any, _Plan]] | None" = None

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        """As in graphql-core; what is no leaf of ours is left to it, field by field."""
        plan = self._plan_of(parent_type, grouped_field_set)
        results: dict[str, Any] = {}
        for name, leaf in plan.leaves:
            if leaf is None:
                # Its place is kept, as the answer has the order of the question.
                results[name] = Undefined
                continue
            try:
                value = (
                    leaf.resolve(source_value, self._info_of(leaf, parent_type, path, name, grouped_field_set[name]))
                    if leaf.takes_info
                    else leaf.resolve(source_value)
                )
                if value is None:
                    leaf.check_may_be_null()
                results[name] = None if value is None else leaf.coerce(value)
            except Exception as error:
                here = Path(path, name, parent_type.name)
                self.handle_field_error(error, leaf.graphql_type, grouped_field_set[name], here)
                results[name] = None
        if not plan.rest:
            return results
        others: Any = super().execute_fields(parent_type, source_value, path, plan.rest, position_context)
        if self.is_awaitable(others):
            return _merged(results, others)
        return _merge(results, others)

    def _plan_of(self, parent_type: GraphQLObjectType, grouped_field_set: Any) -> "_Plan":
        # graphql-core collects a selection once for all items of a list: what it gives is the same object each time.
        plans = self._plans
        if plans is None:
            plans = self._plans = {}
        known = plans.get(id(grouped_field_set))
        if known is not None and known[1].type_name == parent_type.name:
            return known[1]
        leaves = self.schema.extensions[_KEPT_UNDER].get(parent_type.name, {})
        found = tuple((name, leaves.get(details[0].node.name.value)) for name, details in grouped_field_set.items())
        rest = {name: grouped_field_set[name] for name, leaf in found if leaf is None}
        plan = _Plan(parent_type.name, found, rest)
        # With the object itself, so that its address stays its own.
        plans[id(grouped_field_set)] = grouped_field_set, plan
        return plan

    def _info_of(
        self, leaf: Leaf, parent_type: GraphQLObjectType, path: Path | None, name: str, details: Any
    ) -> Info[Any, Any]:
        field = parent_type.fields[details[0].node.name.value]
        raw = self.build_resolve_info(field, to_nodes(details), parent_type, Path(path, name, parent_type.name))
        return Info(_raw_info=raw, _field=leaf.definition)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one selection of one type is answered."""

    type_name: str
    leaves: tuple[tuple[str, Leaf | None], ...]
    """By the names in the answer; None for what is no leaf."""
    rest: dict[str, Any]


async def _merged(results: dict[str, Any], others: Any) -> dict[str, Any]:
    return _merge(results, await others)


def _merge(results: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    results.update(others)
    # A field that the schema does not know has no answer.
    return {name: value for name, value in results.items() if value is not Undefined}
