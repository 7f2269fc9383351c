"""The schema as this server runs it: every document prepared once, every operation by one road."""

from collections import OrderedDict
from collections.abc import AsyncIterable, Awaitable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLError,
    OperationType,
    create_source_event_stream,
    located_error,
    parse,
    strip_ignored_characters,
)
from graphql.execution import Executor, execute_subscription_event
from graphql.language import DocumentNode
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from app.errors import InvalidRequest
from app.graphql_api.budgets import RunBudget
from app.graphql_api.documents import DocumentCache, PreparedDocument
from app.graphql_api.errors import report_errors
from app.graphql_api.leaves import shorten_ways
from app.graphql_api.limits import DocumentLimits
from app.graphql_api.quick_execution import QuickExecutor

AnyExecutor = Executor[Any]  # of whichever position context its subclass keeps

EVERY_OPERATION = frozenset(OperationType)

_HOW_TO_SEND = {
    OperationType.QUERY: "Queries cannot be sent this way.",
    OperationType.MUTATION: "Mutations need POST.",
    OperationType.SUBSCRIPTION: (
        "Subscriptions need a WebSocket (graphql-transport-ws) or the header `Accept: text/event-stream`."
    ),
}

# Strawberry parses, without limits, whatever has no document yet.
UNPARSED = parse("{__typename}")

# The few shapes that GraphiQL, code generators and schema registries send.
MAX_INTROSPECTIONS = 16


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """What a client wants run, as it sent it; types are checked, nothing else."""

    query: str
    variables: dict[str, Any] | None = None  # whatever JSON can hold
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None  # likewise


class OperationNotAllowed(InvalidRequest):
    """This kind of operation cannot be sent this way."""

    def __init__(self, kind: OperationType) -> None:
        super().__init__(_HOW_TO_SEND[kind])
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of an operation, or one event's part of it.

    `is_refused` is true where nothing was run: then there is no `data` in the response.
    """

    data: Mapping[str, Any] | None  # whatever the scalars serialise to
    errors: tuple[GraphQLError, ...] = ()
    is_refused: bool = False


class SafelightSchema(strawberry.Schema):
    """A Strawberry schema whose documents are bounded, cached and run by graphql-core directly.

    Strawberry's own `execute` and `stream` keep working, with the same limits, for tests and scripts.
    """

    def __init__(
        self,
        query: type,
        mutation: type | None,
        subscription: type | None,
        *,
        types: Iterable[type] = (),
        config: StrawberryConfig | None = None,
        limits: DocumentLimits | None = None,
    ) -> None:
        super().__init__(
            query,
            mutation,
            subscription,
            types=types,
            config=config,
            extensions=[PreparedDocuments],
            execution_context_class=QuickExecutor,
        )
        shorten_ways(self._schema)
        self.limits = limits or DocumentLimits()
        self.documents = DocumentCache(self._schema, self.limits)
        self._introspections: OrderedDict[tuple[str, str | None], Answer] = OrderedDict()

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log faults in one line; Strawberry would log every typo of a client with its whole query."""
        context = execution_context.context if execution_context else None
        report_errors(errors, str(getattr(context, "request_id", "")))

    def begin(
        self, request: OperationRequest, context: object, *, allowed: frozenset[OperationType] = EVERY_OPERATION
    ) -> "Operation | Answer":
        """Prepare an operation and bind its variables; an `Answer` says why it cannot be run.

        Raises:
            OperationNotAllowed: its kind is none of `allowed`.
        """
        prepared = self.documents.prepare(request.query)
        if prepared.document is None or prepared.errors:
            return Answer(None, prepared.errors, is_refused=True)
        executor = self.bind(prepared.document, request, context)
        if not isinstance(executor, Executor):
            return Answer(None, tuple(executor), is_refused=True)
        kind = executor.operation.operation
        if kind not in allowed:
            raise OperationNotAllowed(kind)
        return Operation(self, request, prepared, executor)

    def bind(
        self, document: DocumentNode, request: OperationRequest, context: object
    ) -> AnyExecutor | list[GraphQLError]:
        """Give a document its variables and its context; a list says what is wrong with them."""
        return self.execution_context_class.build(
            self._schema,
            document,
            None,
            context,
            request.variables,
            request.operation_name,
            # Each refused value costs an error of its own in the answer.
            max_coercion_errors=10,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # a TypeGuard in all but its signature
            # Looking for a name like a client's 60 KB one takes seconds.
            hide_suggestions=True,
            operation_extensions=request.extensions,
        )

    def find_introspection(self, request: OperationRequest) -> Answer | None:
        """Return what the same question about the schema was answered before."""
        return self._introspections.get(_introspection_key(request))

    def keep_introspection(self, request: OperationRequest, answer: Answer) -> None:
        """Remember an answer about the schema, which costs some 30 ms to make and never changes."""
        self._introspections[_introspection_key(request)] = answer
        while len(self._introspections) > MAX_INTROSPECTIONS:
            self._introspections.popitem(last=False)


def _introspection_key(request: OperationRequest) -> tuple[str, str | None]:
    # White space and comments change no answer, and must not cost another half a second.
    return strip_ignored_characters(request.query), request.operation_name


class Operation:
    """One operation, bound to its variables and context and ready to run."""

    __slots__ = ("_executor", "_prepared", "_schema", "kind", "request")

    def __init__(
        self, schema: SafelightSchema, request: OperationRequest, prepared: PreparedDocument, executor: AnyExecutor
    ) -> None:
        self._schema = schema
        self._prepared = prepared
        self._executor: AnyExecutor | None = executor
        self.request = request
        self.kind: OperationType = executor.operation.operation
        """Query, mutation or subscription."""

    @property
    def cost(self) -> int:
        """What running it amounts to, in fields; an introspection field is a third of another one."""
        if self._is_memorable and self._schema.find_introspection(self.request) is not None:
            return 1
        weight = self._prepared.weight
        return 1 + weight.cost + int(weight.introspection_cost / 3)

    @property
    def _is_memorable(self) -> bool:
        executor = self._executor
        takes_variables = executor is not None and bool(executor.operation.variable_definitions)
        return self._prepared.is_introspection and not (self.request.variables and takes_variables)

    async def run(self) -> Answer:
        """Run a query or a mutation to its end; never raises for what a resolver raised."""
        is_memorable = self._is_memorable
        if is_memorable and (known := self._schema.find_introspection(self.request)):
            return known
        executor = self._take_executor()
        assert isinstance(executor, QuickExecutor)
        # A mutation is not cut off in the middle: only the lists of its answer are bounded.
        executor.budget = RunBudget(self._schema.limits, may_be_cut=self.kind is not OperationType.MUTATION)
        answer = Answer(*await executor.budget.run(executor))
        if is_memorable and not answer.errors:
            self._schema.keep_introspection(self.request, answer)
        return answer

    async def open_source(self) -> "AsyncIterable[Any] | Answer":
        """Start a subscription's source of events; an `Answer` says why there is none."""
        executor = self._take_executor()
        source = create_source_event_stream(executor)
        if executor.is_awaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            return Answer(None, tuple(source.errors or ()), is_refused=True)
        assert isinstance(source, AsyncIterable)
        return source

    def locate(self, error: Exception) -> GraphQLError:
        """Turn what a subscription's source raised into an error with the path of its field."""
        root = self._bind(None).operation.selection_set.selections[0]
        if not isinstance(root, FieldNode):
            return GraphQLError("The stream failed.", original_error=error)
        return located_error(error, [root], [(root.alias or root.name).value])

    def execute_event(self, event: object, context: object) -> Answer | Awaitable[Answer]:
        """Execute the subscription's selection for one event, with a context of its own.

        The answer is there at once where no resolver has to wait.
        """
        executor = self._bind(context).build_per_event_executor(event)
        assert isinstance(executor, QuickExecutor)
        executor.budget = RunBudget(self._schema.limits)
        result = execute_subscription_event(executor)
        if isinstance(result, ExecutionResult):
            return Answer(result.data, tuple(result.errors or ()))
        return _finish(executor, result)

    def _take_executor(self) -> AnyExecutor:
        # Not kept: a subscription may be idle for hours, and shall not weigh what starting it took.
        assert self._executor is not None, "an operation runs once"
        executor, self._executor = self._executor, None
        return executor

    def _bind(self, context: object) -> AnyExecutor:
        assert self._prepared.document is not None
        executor = self._schema.bind(self._prepared.document, self.request, context)
        assert isinstance(executor, Executor), "it could be bound before"
        return executor


class PreparedDocuments(SchemaExtension):
    """Gives Strawberry's own `execute` and `stream` the documents of the cache, limits included."""

    def on_parse(self) -> Iterator[None]:
        """Hand over the parsed document; in the place of what cannot be parsed stands one that is never run."""
        context = self.execution_context
        schema = context.schema
        assert isinstance(schema, SafelightSchema)
        context.graphql_document = schema.documents.prepare(context.query or "").document or UNPARSED
        yield

    def on_validate(self) -> Iterator[None]:
        """Hand over what validation found when the document was first seen."""
        context = self.execution_context
        schema = context.schema
        assert isinstance(schema, SafelightSchema)
        context.pre_execution_errors = list(schema.documents.prepare(context.query or "").errors)
        yield


def make_schema(
    query: type,
    mutation: type | None = None,
    subscription: type | None = None,
    *,
    types: Iterable[type] = (),
    config: StrawberryConfig | None = None,
    limits: DocumentLimits | None = None,
) -> SafelightSchema:
    """Build the schema."""
    return SafelightSchema(query, mutation, subscription, types=types, config=config, limits=limits)


# What is pending is a result or an awaitable of one; graphql-core has no name for that.
async def _finish(executor: AnyExecutor, pending: Any) -> Answer:
    result = await pending if executor.is_awaitable(pending) else pending
    return Answer(result.data, tuple(result.errors or ()))
