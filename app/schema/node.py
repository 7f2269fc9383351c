"""What everything with an id has in common, and the parts of a page."""

import strawberry


@strawberry.interface(description="Anything that can be fetched again by its id.")
class Node:
    """Implemented by every type whose objects have a UUID."""

    id: strawberry.ID = strawberry.field(description="A UUID, unique over all types.")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Relay's page info."""

    has_next_page: bool = strawberry.field(description="Are there more after the last of this page?")
    has_previous_page: bool = strawberry.field(description="Are there more before the first of this page?")
    start_cursor: str | None = strawberry.field(description="Cursor of the first; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last; null on an empty page.")
