"""What a document asks for below a field, so that nothing else is read."""

from collections.abc import Iterable

from graphql import FieldNode, FragmentSpreadNode, SelectionNode

from app.context import Info

# Only what is listed here is known to need no variants: a field that is forgotten costs time, and is right.
_LIGHT = frozenset(
    {
        "__typename", "edges", "nodes", "node", "cursor", "pageInfo", "hasNextPage", "hasPreviousPage", "startCursor",
        "endCursor", "totalCount", "id", "shortId", "customId", "owner", "name", "displayName", "album", "slug",
        "filename", "title", "alt", "description", "tags", "creator", "metadata", "visibility", "isNsfw", "contentType",
        "byteSize", "width", "height", "frames", "sha256", "state", "revision", "url", "stableUrl", "viewUrl",
        "shortUrl", "cdnUrl", "views", "createdAt", "updatedAt", "deletedAt", "purgeAt", "focalPoint", "x", "y",
        "placeholder", "thumbhash", "dominantColor", "dataUri",
    }
)  # fmt: skip


def fields_below(info: Info) -> frozenset[str]:
    """The names of all fields below the one that is resolved, at any depth, whatever @skip and @include say."""
    names: set[str] = set()
    # Strawberry's own way to these copies the whole tree.
    for node in info._raw_info.field_nodes:
        if node.selection_set is not None:
            _collect(info, node.selection_set.selections, names, set())
    return frozenset(names)


def needs_variants(names: frozenset[str]) -> bool:
    """May one of these fields look at an image's variants?"""
    return not names <= _LIGHT


def _collect(info: Info, selections: Iterable[SelectionNode], names: set[str], seen: set[str]) -> None:
    for node in selections:
        if isinstance(node, FieldNode):
            names.add(node.name.value)
        inner = getattr(node, "selection_set", None)
        if isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
            seen.add(node.name.value)
            inner = info._raw_info.fragments[node.name.value].selection_set
        if inner is not None:
            _collect(info, inner.selections, names, seen)
