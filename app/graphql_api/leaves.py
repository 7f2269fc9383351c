"""Fields answered without ceremony: the same values as graphql-core and Strawberry give, in less time.

Of a list's time nearly all goes into calling resolvers: for each field of each item a path, an info, a set of arguments
and a chain of extensions are made that hardly any resolver looks at. Fields without arguments are called directly
here, and those of them that give a plain scalar or enum (leaves) by `app.graphql_api.quick_execution` without
graphql-core; whatever is unusual takes the long way.
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
from strawberry.schema.schema_converter import CustomGraphQLEnumType
from strawberry.types import Info
from strawberry.types.field import StrawberryField

# Values of any type pass through here, as they do through graphql-core: Any throughout this module.

_KEPT_UNDER = "safelight.leaves"
_DEFINITION = "strawberry-definition"


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


@dataclass(frozen=True, slots=True)
class QuickType:
    """What is known of a type of objects."""

    origin: type | None
    """The class of its objects; None where nobody knows."""
    leaves: Mapping[str, Leaf]
    """By the names of their fields."""


_UNKNOWN = QuickType(None, {})


def shorten_ways(schema: GraphQLSchema) -> None:
    """Find the leaves of a schema, for its executor, and have its other plain fields called directly."""
    found: dict[str, QuickType] = {}
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__"):
            leaves = {key: leaf for key, field in kind.fields.items() if (leaf := _leaf_of(field, f"{name}.{key}"))}
            found[name] = QuickType(getattr((kind.extensions or {}).get(_DEFINITION), "origin", None), leaves)
            for field in kind.fields.values():
                _call_directly(field)
    schema.extensions[_KEPT_UNDER] = found


def quick_type(schema: GraphQLSchema, name: str) -> QuickType:
    """What is known of a type of this schema."""
    found: QuickType = schema.extensions[_KEPT_UNDER].get(name, _UNKNOWN)
    return found


def _leaf_of(field: GraphQLField, name: str) -> Leaf | None:
    definition = _plain_definition(field)
    kind = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    if definition is None or not isinstance(kind, GraphQLScalarType | GraphQLEnumType):
        return None
    resolve = _resolver_of(definition)
    # `graphql_type` stands where the annotation would not do: the value may have to be awaited.
    if resolve is None or definition.is_async or "Await" in str(getattr(resolve, "__annotations__", {}).get("return")):
        return None
    return Leaf(resolve, _coercer_of(kind), definition, _takes_info(definition), field.type, name)


def _call_directly(field: GraphQLField) -> None:
    definition = _plain_definition(field)
    if definition is None or definition.base_resolver is None:
        return
    function = _resolver_of(definition)
    if function is None:
        return
    if _takes_info(definition):
        field.resolve = lambda source, info: function(source, Info(_raw_info=info, _field=definition))
    else:
        field.resolve = lambda source, _info: function(source)


def _plain_definition(field: GraphQLField) -> StrawberryField | None:
    """Strawberry's own of a field that has neither arguments nor anything around its resolver."""
    definition = (field.extensions or {}).get(_DEFINITION)
    if field.args or not isinstance(definition, StrawberryField):
        return None
    return None if definition.is_subscription or definition.extensions else definition


def _resolver_of(definition: StrawberryField) -> Callable[..., Any] | None:
    resolver = definition.base_resolver
    if resolver is None:
        name = definition.python_name
        return lambda source: getattr(source, name)
    function = resolver.wrapped_func
    if isinstance(function, staticmethod | classmethod):
        return None
    return function if list(inspect.signature(function).parameters) in (["self"], ["self", "info"]) else None


def _takes_info(definition: StrawberryField) -> bool:
    return definition.base_resolver is not None and definition.base_resolver.info_parameter is not None


def _coercer_of(kind: GraphQLScalarType | GraphQLEnumType) -> Callable[[Any], Any]:
    if not isinstance(kind, CustomGraphQLEnumType):
        return kind.coerce_output_value
    members: list[Any] = list(kind.wrapped_cls)
    names = {member: kind.coerce_output_value(member) for member in members}
    return names.__getitem__
