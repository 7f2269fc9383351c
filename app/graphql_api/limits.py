"""How much one GraphQL document may ask for."""

from dataclasses import dataclass

from app.domain.listing import MAX_PAGE
from app.errors import QueryTooComplex

# Selections inside selections, spreads included: far above any depth that is allowed, far below Python's own stack.
MAX_RECURSION = 60


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """How much one document may ask for; all are counts, the defaults fit the contract's largest honest queries."""

    max_chars: int = 65_536
    max_tokens: int = 2_000
    max_comments: int = 500
    max_depth: int = 15
    """Fields inside fields. 15 is what the standard introspection query needs."""
    max_aliases: int = 50
    max_fields: int = 600
    max_directives: int = 60
    max_conflicts: int = 250_000
    """Weighed comparisons that validation would have to make: 500 bare fields of one name, 50 with selections, or
    100 spread fragments."""
    max_cost: int = 20_000
    """Fields that could be answered, lists multiplied by their pages."""
    max_introspection_cost: int = 60_000
    max_page: int = MAX_PAGE
    """What a variable counts as where a page size is expected."""
    list_items: int = 10
    """What a list without a page counts as."""
    max_rows: int = 20_000
    """Objects in lists that one operation may return, counted while it runs."""
    max_run_s: float = 30.0
    """How long a query may run, and how long any operation may go on to fill lists."""


def check_limit(what: str, found: float, limit: int) -> None:
    """Refuse what is over its limit.

    Raises:
        QueryTooComplex: `details` has the limit's name, its value, and what was found.
    """
    if found > limit:
        # A fragment bomb's true cost has hundreds of digits; past a billion nobody needs to know.
        raise over_limit(what, limit, found=int(min(found, 1_000_000_000)))


def over_limit(what: str, limit: int, **found: int) -> QueryTooComplex:
    """Make the error that says which limit a document is over."""
    details = {"limit": what, "maximum": limit, **found}
    return QueryTooComplex(f"The document is over the limit for {what} ({limit}).", details=details)
