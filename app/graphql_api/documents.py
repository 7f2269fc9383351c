"""From the text of a query to a document that is fit to run: parsed, weighed, validated, remembered."""

from collections import OrderedDict
from dataclasses import dataclass, field

from graphql import DocumentNode, GraphQLError, GraphQLSchema, specified_rules, validate
from graphql.language import OperationDefinitionNode, Source
from graphql.language.parser import Parser
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule

from app.errors import QueryTooComplex, SafelightError
from app.graphql_api.counting import check_written
from app.graphql_api.limits import DocumentLimits, over_limit
from app.graphql_api.weighing import Weight, check_weight

# Strawberry's own rule for @oneOf is left out: it fails on fragments and unknown variables, and graphql-core checks
# the same since 3.3.
RULES = (*specified_rules, MaybeNullValidationRule)

# A client's first mistakes help; the hundredth is only a longer answer.
MAX_ERRORS = 10


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document and whatever forbids to run it; `document` is None exactly when it could not be parsed."""

    document: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    weight: Weight = field(default_factory=Weight)
    is_introspection: bool = False
    """It asks for the schema and nothing else, so its answer never changes."""


class DocumentCache:
    """Prepared documents by their text; the least recently used are forgotten.

    Bounded by entries and by tokens: a token that is kept costs about 0.5 KB of memory.
    """

    def __init__(
        self, schema: GraphQLSchema, limits: DocumentLimits, *, max_entries: int = 512, max_cached_tokens: int = 60_000
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._max_entries = max_entries
        self._max_cached_tokens = max_cached_tokens
        self._entries: OrderedDict[str, tuple[PreparedDocument, int]] = OrderedDict()
        self._cached_tokens = 0
        self.hits = 0
        self.misses = 0

    def is_known(self, query: str) -> bool:
        """Tell whether `prepare` would find the document remembered."""
        return query in self._entries

    def prepare(self, query: str) -> PreparedDocument:
        """Return the document of `query`, with the errors of its syntax, its weight and its validation."""
        found = self._entries.get(query)
        if found is not None:
            self.hits += 1
            self._entries.move_to_end(query)
            return found[0]
        self.misses += 1
        prepared = prepare(self._schema, query, self._limits)
        self._remember(query, prepared)
        return prepared

    def _remember(self, query: str, prepared: PreparedDocument) -> None:
        # What does not parse is cheap to refuse again, and a flood of it would push out what is worth keeping.
        if prepared.document is None or len(query) > self._limits.max_chars:
            return
        # Comments and long strings are memory too; 64 characters weigh as much as a token.
        tokens = prepared.document.token_count + len(query) // 64
        self._entries[query] = (prepared, tokens)
        self._cached_tokens += tokens
        while len(self._entries) > self._max_entries or self._cached_tokens > self._max_cached_tokens:
            _, (_, freed) = self._entries.popitem(last=False)
            self._cached_tokens -= freed


def prepare(schema: GraphQLSchema, query: str, limits: DocumentLimits) -> PreparedDocument:
    """Parse, weigh and validate without remembering; at most about 100 ms of CPU whatever the text."""
    try:
        document = _parse(query, limits)
    except SafelightError as error:
        return PreparedDocument(None, (GraphQLError(error.message, original_error=error),))
    except GraphQLError as error:
        return PreparedDocument(None, (error.with_traceback(None),))
    try:
        check_written(document, limits)
        weight = check_weight(schema, document, limits)
    except QueryTooComplex as error:
        return PreparedDocument(document, (GraphQLError(error.message, original_error=error),))
    errors = validate(schema, document, RULES, max_errors=MAX_ERRORS, hide_suggestions=True)
    return PreparedDocument(document, tuple(errors), weight, _is_introspection(document))


def _parse(query: str, limits: DocumentLimits) -> DocumentNode:
    if len(query) > limits.max_chars:
        raise over_limit("characters", limits.max_chars)
    parser = Parser(Source(query), max_lexical_tokens=limits.max_tokens, max_comments=limits.max_comments)
    try:
        return parser.parse_document()
    except RecursionError:
        raise over_limit("depth", limits.max_depth) from None
    except GraphQLError:
        # The parser gives up with the same class of error as for a typo, only further on.
        if parser.token_count > limits.max_tokens:
            raise over_limit("tokens", limits.max_tokens) from None
        raise


def _is_introspection(document: DocumentNode) -> bool:
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    roots = [root for node in operations for root in node.selection_set.selections]
    return all(getattr(root, "name", None) and root.name.value == "__schema" for root in roots)  # type: ignore[attr-defined]  # checked just before
