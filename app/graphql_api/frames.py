"""The frames that a client may send by graphql-transport-ws, each checked in every part."""

from dataclasses import dataclass
from typing import Any

import orjson

from app.errors import InvalidRequest
from app.graphql_api.execution import OperationRequest
from app.graphql_api.parsing import is_small, parse_operation

# Clients send a UUID or a counter.
MAX_ID_CHARS = 128


class BadFrame(Exception):
    """The frame breaks the protocol; the message is the reason for closing with 4400."""


@dataclass(frozen=True, slots=True)
class ConnectionInit:
    """The first frame, with whatever the client brings as its credential."""

    payload: dict[str, Any]  # whatever JSON can hold


@dataclass(frozen=True, slots=True)
class Ping:
    """To be answered with a Pong of the same payload."""

    payload: dict[str, Any] | None  # likewise


@dataclass(frozen=True, slots=True)
class Pong:
    """An answer to a ping, or a sign of life."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Begin an operation. What it asks for is not a matter of the protocol, hence may be a refusal."""

    operation_id: str
    request: OperationRequest | InvalidRequest


@dataclass(frozen=True, slots=True)
class Complete:
    """The client wants no more of an operation."""

    operation_id: str


Frame = ConnectionInit | Ping | Pong | Subscribe | Complete


def parse_frame(text: str) -> Frame:
    """Read one frame.

    Raises:
        BadFrame: it is no JSON object of a known type, or a part of it has the wrong type.
    """
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadFrame("Invalid JSON") from None
    if not isinstance(message, dict):
        raise BadFrame("A message must be an object")
    if message.get("type") != "subscribe" and not is_small(message):
        raise BadFrame("The message is too complex")
    match message.get("type"):
        case "connection_init":
            return ConnectionInit(_payload(message) or {})
        case "ping":
            return Ping(_payload(message))
        case "pong":
            _payload(message)
            return Pong()
        case "subscribe":
            return Subscribe(_operation_id(message), _request(message))
        case "complete":
            return Complete(_operation_id(message))
    raise BadFrame("Unknown message type")


def _payload(message: dict[str, Any]) -> dict[str, Any] | None:
    payload = message.get("payload")
    if not isinstance(payload, dict | None):
        raise BadFrame("payload must be an object")
    return payload


def _operation_id(message: dict[str, Any]) -> str:
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not 0 < len(operation_id) <= MAX_ID_CHARS:
        raise BadFrame(f"id must be a string of 1 to {MAX_ID_CHARS} characters")
    return operation_id


def _request(message: dict[str, Any]) -> OperationRequest | InvalidRequest:
    payload = _payload(message)
    if payload is None:
        raise BadFrame("payload must be an object")
    if not isinstance(payload.get("query"), str):
        raise BadFrame("payload.query must be a string")
    if not isinstance(payload.get("operationName"), str | None):
        raise BadFrame("payload.operationName must be a string")
    for name in ("variables", "extensions"):
        if not isinstance(payload.get(name), dict | None):
            raise BadFrame(f"payload.{name} must be an object")
    try:
        return parse_operation(payload)
    except InvalidRequest as error:
        return error
