"""What is written in a document, counted before anything slower reads it.

graphql-core's own validation is quadratic in equally named fields and in spread fragments; whatever passes here is
validated in some 60 ms at the most.
"""

from collections import Counter
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from app.graphql_api.limits import MAX_RECURSION, DocumentLimits, check_limit, over_limit

# Validation compares equally named fields and spread fragments pair by pair (OverlappingFieldsCanBeMerged). Two bare
# names cost 0.2 µs; measured by that, two fields with arguments or selections of their own cost up to a hundred times
# as much, two fragments about twenty times (graphql-core 3.3.2).
HEAVY_PAIR_WEIGHT = 100
SPREAD_PAIR_WEIGHT = 22


def check_written(document: DocumentNode, limits: DocumentLimits) -> None:
    """Check what can be counted without the schema, each fragment once.

    Raises:
        QueryTooComplex: there is too much of something.
    """
    counts = _Counts()
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            counts.directives += len(definition.directives or ())
            _count(definition.selection_set, counts, limits, level=0)
    check_limit("fields", counts.fields, limits.max_fields)
    check_limit("aliases", counts.aliases, limits.max_aliases)
    check_limit("directives", counts.directives, limits.max_directives)
    check_limit("repeated fields", counts.conflicts(), limits.max_conflicts)


@dataclass(slots=True)
class _Counts:
    aliases: int = 0
    fields: int = 0
    spreads: int = 0
    directives: int = 0
    bare: Counter[str] = field(default_factory=Counter)
    heavy: Counter[str] = field(default_factory=Counter)

    def conflicts(self) -> int:
        pairs = sum(count * count for count in self.bare.values()) + SPREAD_PAIR_WEIGHT * self.spreads**2
        for name, count in self.heavy.items():
            pairs += HEAVY_PAIR_WEIGHT * count * (count + self.bare[name])
        return pairs


def _count(selections: SelectionSetNode, counts: _Counts, limits: DocumentLimits, *, level: int) -> None:
    if level > MAX_RECURSION:
        raise over_limit("depth", limits.max_depth)
    for node in selections.selections:
        counts.directives += len(node.directives or ())
        if isinstance(node, FragmentSpreadNode):
            counts.spreads += 1
            continue
        if isinstance(node, FieldNode):
            counts.fields += 1
            counts.aliases += node.alias is not None
            names = counts.heavy if node.arguments or node.selection_set else counts.bare
            names[(node.alias or node.name).value] += 1
        if isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
            _count(node.selection_set, counts, limits, level=level + 1)
