"""What a document asks for below a field, so that nothing else is read."""

from collections.abc import Iterable

from graphql import FieldNode, FragmentSpreadNode, SelectionNode

from app.context import Info

_COLUMNS = {
    **dict.fromkeys(
        ("__typename", "edges", "nodes", "node", "cursor", "pageInfo", "hasNextPage", "hasPreviousPage", "startCursor",
         "endCursor", "totalCount", "id", "name", "displayName", "slug", "x", "y", "thumbhash", "dominantColor",
         "dataUri"),
        (),
    ),
    **{name: (name,) for name in (
        "filename", "title", "alt", "description", "tags", "creator", "visibility", "frames", "sha256", "state",
        "revision", "views",
    )},
    "shortId": ("short_id",),
    "customId": ("custom_id",),
    "owner": ("owner_id",),
    "album": ("album_id",),
    "metadata": ("owner_id", "meta"),
    "isNsfw": ("is_nsfw",),
    "contentType": ("format",),
    "byteSize": ("byte_size",),
    "width": ("width_px",),
    "height": ("height_px",),
    "url": ("filename", "format", "has_alpha"),
    "stableUrl": ("filename", "format", "has_alpha"),
    "viewUrl": ("short_id",),
    "shortUrl": ("short_id",),
    "cdnUrl": ("owner_id", "album_id", "filename"),
    "createdAt": ("created_at",),
    "updatedAt": ("updated_at",),
    "deletedAt": ("deleted_at",),
    "purgeAt": ("deleted_at",),
    "complete": ("state", "replacement_id"),
    "failed": ("state",),
    "focalPoint": ("focal_x", "focal_y"),
    "placeholder": ("thumbhash", "dominant_color", "placeholder_png"),
}  # fmt: skip
"""Of which columns of an image a field is answered that looks at no variants.

What is listed neither here nor below may look at everything: a field that is forgotten costs time, and is right. By
names alone: of an album's `title` an image's is read, and not looked at.
"""

_COLUMNS_BESIDE_VARIANTS = {
    **dict.fromkeys(("stableVariants", "variant", "plannedVariants", "family", "size", "version", "animated"), ()),
    **dict.fromkeys(("variants", "availableVariants", "ready"), ("deleted_at",)),
    "contentType": ("format", "has_alpha"),
}
"""The same of what is asked of variants, or only makes sense beside them."""


def fields_below(info: Info) -> frozenset[str]:
    """The names of all fields below the one that is resolved, at any depth, whatever @skip and @include say."""
    names: set[str] = set()
    # Strawberry's own way to these copies the whole tree.
    for node in info._raw_info.field_nodes:
        if node.selection_set is not None:
            _collect(info, node.selection_set.selections, names, set())
    return frozenset(names)


def needed_columns(names: frozenset[str]) -> frozenset[str] | None:
    """The columns of an image that these fields look at; None where they may look at any."""
    tables = (_COLUMNS, _COLUMNS_BESIDE_VARIANTS) if needs_variants(names) else (_COLUMNS,)
    if not all(any(name in table for table in tables) for name in names):
        return None
    return frozenset(column for name in names for table in tables for column in table.get(name, ()))


def needs_variants(names: frozenset[str]) -> bool:
    """May one of these fields look at an image's variants?"""
    return not names <= _COLUMNS.keys()


def needs_surroundings(names: frozenset[str]) -> bool:
    """Does one of these fields look at an image's owner or its album?"""
    return not names.isdisjoint(("owner", "album", "cdnUrl"))


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
