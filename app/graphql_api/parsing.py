"""From the bytes of a request to an `OperationRequest`: sizes, types and JSON checked, nothing trusted."""

from collections.abc import Collection, Mapping
from typing import Any

import orjson
from starlette.requests import Request

from app.errors import FileTooLarge, InvalidRequest, QueryTooComplex
from app.graphql_api.execution import OperationRequest
from app.routes.bodies import read_at_most

MAX_BODY_BYTES = 262_144

# Values in a request, variables and all: fifty upload sessions have about a thousand. orjson writes 254 levels.
MAX_VALUES = 10_000
MAX_NESTING = 64


class BodyTooLarge(InvalidRequest):
    """The body is longer than `MAX_BODY_BYTES`."""

    status = 413


class UnsupportedBody(InvalidRequest):
    """The body is not declared as JSON in UTF-8."""

    status = 415


async def read_post(request: Request) -> OperationRequest:
    """Read the operation in a POST's JSON body.

    Only application/json is taken: a page of another origin cannot send it without asking first (CORS preflight),
    which is what keeps forged requests out.

    Raises:
        InvalidRequest: its type, size or content is not what GraphQL over HTTP says.
        UploadIncomplete: the client disconnected, or sends too slowly.
    """
    _check_content_type(request.headers)
    body = await _read_body(request)
    return parse_operation(_decode(body))


def read_get(request: Request) -> OperationRequest:
    """Read the operation in a GET's query string.

    Raises:
        InvalidRequest: likewise.
    """
    parameters: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        text = parameters.get(name)
        if text:
            parameters[name] = _decode(text.encode("utf-8", "surrogatepass"))
        else:
            parameters.pop(name, None)
    return parse_operation(parameters)


def parse_operation(payload: object) -> OperationRequest:
    """Check the four parameters of an operation, wherever they came from.

    Raises:
        InvalidRequest: one has another type than it must have.
        QueryTooComplex: the variables hold too many values.
    """
    if isinstance(payload, list):
        raise InvalidRequest("Operations in batches are not taken; send one at a time.")
    if not isinstance(payload, dict):
        raise InvalidRequest("The request must be a JSON object.")
    if not is_small(payload):
        details = {"limit": "variables", "maximum": MAX_VALUES}
        raise QueryTooComplex(f"The variables hold more than {MAX_VALUES} values or nest too deeply.", details=details)
    query = payload.get("query")
    if not isinstance(query, str) or not query.strip():
        raise InvalidRequest("`query` must be a string with a GraphQL document.", details={"field": "query"})
    operation_name = payload.get("operationName")
    if not isinstance(operation_name, str | None):
        raise InvalidRequest("`operationName` must be a string or null.", details={"field": "operationName"})
    variables = _object_or_none(payload, "variables")
    # An empty name is what forms send for none.
    return OperationRequest(query, variables, operation_name or None, _object_or_none(payload, "extensions"))


def is_small(value: object) -> bool:
    """Tell whether a decoded JSON value has at most `MAX_VALUES` values in at most `MAX_NESTING` levels."""
    count = 0
    level = [value]
    for _ in range(MAX_NESTING):
        count += len(level)
        if not level or count > MAX_VALUES:
            break
        level = [inner for outer in level for inner in _children(outer)]
    return not level


def _children(value: object) -> Collection[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _object_or_none(payload: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    value = payload.get(name)
    if not isinstance(value, dict | None):
        raise InvalidRequest(f"`{name}` must be an object or null.", details={"field": name})
    return value


def _check_content_type(headers: Mapping[str, str]) -> None:
    name, *parameters = (piece.strip().lower() for piece in headers.get("content-type", "").split(";"))
    charsets = [value[8:].strip('"') for value in parameters if value.startswith("charset=")]
    if name != "application/json" or any(charset not in ("utf-8", "utf8") for charset in charsets):
        raise UnsupportedBody("The body must be sent as `Content-Type: application/json`, in UTF-8.")
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise InvalidRequest("The body must not be compressed.")


async def _read_body(request: Request) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > MAX_BODY_BYTES:
        raise _too_large()
    try:
        return await read_at_most(request, max_bytes=MAX_BODY_BYTES)
    except FileTooLarge:
        raise _too_large() from None


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"The body is longer than {MAX_BODY_BYTES} bytes.", details={"maxBytes": MAX_BODY_BYTES})


def _decode(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidRequest("The request is not valid JSON in UTF-8.") from None
