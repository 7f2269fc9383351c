"""What answering a document would amount to: lists multiplied by their pages, each fragment weighed once.

Strawberry's own limiters walk every path through the fragments, whose number doubles with each line; remembering each
fragment's weight makes the walk linear.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)
from graphql.type import GraphQLField, is_interface_type, is_object_type

from app.domain.listing import page_size
from app.graphql_api.limits import MAX_RECURSION, DocumentLimits, check_limit, over_limit

# How many there usually are of what the introspection types name; `types` is counted exactly. Wrapped types are
# seldom wrapped again, though the standard query asks nine levels deep.
INTROSPECTION_ITEMS = {
    "fields": 8,
    "inputFields": 4,
    "enumValues": 4,
    "possibleTypes": 4,
    "interfaces": 1,
    "args": 2,
    "directives": 6,
    "locations": 2,
    "ofType": 0.4,
}


@dataclass(frozen=True, slots=True)
class Weight:
    """What a selection set amounts to when it is answered: `cost` in fields, `depth` in levels."""

    cost: int = 0
    introspection_cost: float = 0
    depth: int = 0


def check_weight(schema: GraphQLSchema, document: DocumentNode, limits: DocumentLimits) -> Weight:
    """Weigh a parsed document that was not validated yet; returns the heaviest operation's weight.

    Raises:
        QueryTooComplex: it is over the limit for depth, cost or introspection.
    """
    heaviest = _Scale(schema, document, limits).weigh_operations()
    check_limit("depth", heaviest.depth, limits.max_depth)
    check_limit("cost", heaviest.cost, limits.max_cost)
    check_limit("introspection", heaviest.introspection_cost, limits.max_introspection_cost)
    return heaviest


class _Scale:
    """Weighs one document; remembers each fragment's weight by its name."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, limits: DocumentLimits) -> None:
        self._schema = schema
        self._document = document
        self._limits = limits
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._weights: dict[str, Weight] = {}

    def weigh_operations(self) -> Weight:
        """Return the largest of each weight over all operations."""
        return _largest(self._operation_weights())

    def _operation_weights(self) -> Iterator[Weight]:
        for definition in self._document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                root = self._schema.get_root_type(definition.operation)
                yield self._weigh(definition.selection_set, root, is_page=False, level=0)

    def _weigh(
        self, selections: SelectionSetNode, parent: GraphQLNamedType | None, *, is_page: bool, level: int
    ) -> Weight:
        if level > MAX_RECURSION:
            raise over_limit("depth", self._limits.max_depth)
        cost = depth = 0
        introspection_cost = 0.0
        for node in selections.selections:
            if isinstance(node, FieldNode):
                weight = self._weigh_field(node, parent, is_page=is_page, level=level)
            elif isinstance(node, FragmentSpreadNode):
                weight = self._weigh_fragment(node.name.value, is_page=is_page, level=level)
            else:
                assert isinstance(node, InlineFragmentNode)
                inner = self._type_named(node.type_condition.name.value) if node.type_condition else parent
                weight = self._weigh(node.selection_set, inner, is_page=is_page, level=level + 1)
            cost += weight.cost
            introspection_cost += weight.introspection_cost
            depth = max(depth, weight.depth)
        return Weight(cost, introspection_cost, depth)

    def _weigh_fragment(self, name: str, *, is_page: bool, level: int) -> Weight:
        fragment = self._fragments.get(name)
        if fragment is None:
            return Weight()
        if name not in self._weights:
            # A fragment inside itself is refused by validation; until then it weighs nothing in itself.
            self._weights[name] = Weight()
            parent = self._type_named(fragment.type_condition.name.value)
            self._weights[name] = self._weigh(fragment.selection_set, parent, is_page=is_page, level=level + 1)
        return self._weights[name]

    def _weigh_field(self, node: FieldNode, parent: GraphQLNamedType | None, *, is_page: bool, level: int) -> Weight:
        if node.selection_set is None:
            return Weight(1, 0, 1)
        definition = self._field_of(parent, node.name.value)
        inner = get_named_type(definition.type) if definition else None
        opens_page = _has_page(definition)
        weight = self._weigh(node.selection_set, inner, is_page=opens_page, level=level + 1)
        if node.name.value in ("__schema", "__type") or (parent is not None and parent.name.startswith("__")):
            items = self._introspection_items(node.name.value)
            return Weight(0, 1 + items * (weight.cost + weight.introspection_cost), weight.depth + 1)
        times = self._repetitions(node, definition, is_page=is_page)
        return Weight(1 + times * weight.cost, times * weight.introspection_cost, weight.depth + 1)

    def _repetitions(self, node: FieldNode, definition: GraphQLField | None, *, is_page: bool) -> int:
        limits = self._limits
        given = {argument.name.value: _count_of(argument.value, limits) for argument in node.arguments or ()}
        if _has_page(definition):
            return max(1, page_size(given.get("first"), given.get("last")))
        listed = [given[name] or 1 for name in ("ids", "inputs") if name in given]
        if listed:
            return max(1, *listed)
        if definition is None or is_page or not is_list_type(get_nullable_type(definition.type)):
            return 1
        return limits.list_items

    def _introspection_items(self, name: str) -> float:
        return len(self._schema.type_map) if name == "types" else INTROSPECTION_ITEMS.get(name, 1)

    def _type_named(self, name: str) -> GraphQLNamedType | None:
        return self._schema.get_type(name)

    def _field_of(self, parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
        if isinstance(parent, GraphQLObjectType) and name in ("__schema", "__type"):
            return self._schema.get_field(parent, name)
        if parent is None or not (is_object_type(parent) or is_interface_type(parent)):
            return None
        found: GraphQLField | None = parent.fields.get(name)
        return found


def _largest(weights: Iterator[Weight]) -> Weight:
    largest = Weight()
    for weight in weights:
        largest = Weight(
            max(largest.cost, weight.cost),
            max(largest.introspection_cost, weight.introspection_cost),
            max(largest.depth, weight.depth),
        )
    return largest


def _has_page(definition: GraphQLField | None) -> bool:
    return definition is not None and "first" in definition.args


def _count_of(value: ValueNode, limits: DocumentLimits) -> int | None:
    """The number that an argument asks for; None where it is null, which resolvers take as absent."""
    if isinstance(value, NullValueNode):
        return None
    if isinstance(value, VariableNode):
        # The document is weighed once for all its values, null and defaults included.
        return limits.max_page
    if isinstance(value, ListValueNode):
        return len(value.values)
    if isinstance(value, IntValueNode):
        # Longer numbers are no Int; Python refuses to read 5,000 digits at all.
        return max(1, int(value.value)) if len(value.value) < 12 else limits.max_cost
    return 1
