"""How an error looks to a client, and what of it is logged."""

import logging
from collections.abc import Iterable, Mapping

from graphql import GraphQLError

from app.errors import ErrorCode, SafelightError

log = logging.getLogger(__name__)

MASKED_MESSAGE = "Something went wrong on the server. It was logged under the request id."

# Names in a message are the client's own text, up to the size of its document.
MAX_MESSAGE_CHARS = 300
MAX_LOCATIONS = 5


def format_errors(errors: Iterable[GraphQLError], request_id: str) -> list[dict[str, object]]:
    """Make `errors` ready for an answer: each with a code and the request id, nothing internal."""
    return [format_error(error, request_id) for error in errors]


def format_error(error: GraphQLError, request_id: str) -> dict[str, object]:
    """Shape one error as the GraphQL specification says; what nobody foresaw loses its message."""
    cause = find_cause(error)
    formatted: dict[str, object] = {"message": _public_message(error, cause)}
    if error.locations:
        formatted["locations"] = [{"line": at.line, "column": at.column} for at in error.locations[:MAX_LOCATIONS]]
    if error.path is not None:
        formatted["path"] = list(error.path)
    formatted["extensions"] = _extensions(cause, request_id)
    return formatted


def format_refusal(error: SafelightError, request_id: str) -> dict[str, object]:
    """Shape an error that belongs to the request as a whole."""
    return {"message": error.message, "extensions": _extensions(error, request_id)}


def find_cause(error: GraphQLError) -> Exception | None:
    """Return what a resolver raised; None where the client's request itself is at fault."""
    cause: Exception | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, SafelightError) or cause is None:
        return cause
    # Without a path nothing was resolved yet: with nodes it is a variable that a scalar refused.
    return None if error.path is None and error.nodes else cause


def report_errors(errors: Iterable[GraphQLError], request_id: str) -> None:
    """Log an operation's errors: one line for all faults, with the first one's traceback; clients' own at debug.

    Neither the query nor its variables are written anywhere.
    """
    causes = [(error, find_cause(error)) for error in errors]
    faults = [(error, cause) for error, cause in causes if cause is not None and is_fault(cause)]
    if not faults:
        codes = sorted({str(code_of(cause)) for _, cause in causes})
        log.debug("graphql_refused", extra={"request_id": request_id, "codes": codes})
        return
    error, cause = faults[0]
    facts = {"request_id": request_id, "field": _field_name(error), "faults": len(faults)}
    log.error("graphql_fault", extra=facts, exc_info=cause)


def report_fault(fault: Exception, request_id: str) -> None:
    """Log, once, what went wrong outside of any resolver."""
    log.error("graphql_fault", extra={"request_id": request_id}, exc_info=fault)


def is_fault(cause: Exception) -> bool:
    """Tell whether somebody here must look at it."""
    return cause.is_fault if isinstance(cause, SafelightError) else True


def code_of(cause: Exception | None) -> ErrorCode:
    """Return the stable code of what `find_cause` found."""
    if cause is None:
        return ErrorCode.INVALID_REQUEST
    return cause.code if isinstance(cause, SafelightError) else ErrorCode.INTERNAL


def _public_message(error: GraphQLError, cause: Exception | None) -> str:
    if isinstance(cause, SafelightError):
        return cause.message
    if cause is not None:
        return MASKED_MESSAGE
    message = error.message
    return message if len(message) <= MAX_MESSAGE_CHARS else message[:MAX_MESSAGE_CHARS] + "…"


def _extensions(cause: Exception | None, request_id: str) -> Mapping[str, object]:
    extensions: dict[str, object] = {"code": str(code_of(cause)), "requestId": request_id}
    if isinstance(cause, SafelightError):
        if cause.details:
            extensions["details"] = cause.details
        if cause.retry_after_s is not None:
            extensions["retryAfter"] = cause.retry_after_s
    return extensions


def _field_name(error: GraphQLError) -> str | None:
    # The schema's name of it, not the client's alias.
    node = error.nodes[0] if error.nodes else None
    name = getattr(node, "name", None)
    return None if name is None else str(name.value)
