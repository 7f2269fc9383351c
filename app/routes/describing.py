"""What routes say of themselves, in the words of OpenAPI 3.1: operations, answers and the shapes of JSON.

Each face, and the server itself, has such a description beside its routes; app.routes.openapi makes one document of
them, and a test holds it against the routes that there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Schema = Mapping[str, object]
"""A JSON Schema, or another part of an OpenAPI document."""

JSON = "application/json"
FORM = "multipart/form-data"
BYTES: Schema = {"type": "string", "format": "binary"}
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
UUID: Schema = {"type": "string", "format": "uuid"}
ANYTHING: Schema = {}


@dataclass(frozen=True, slots=True)
class Answer:
    """One way in which an operation ends."""

    text: str
    schema: Schema | None = None
    """None for an answer without a body."""
    media_types: tuple[str, ...] = (JSON,)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    """As clients send it, with `{parameters}`."""
    summary: str
    answers: Mapping[int, Answer]
    """How it ends well, and what ends otherwise than by the description's errors."""
    refusals: tuple[int, ...] = ()
    """Statuses that come with the description's error body, beside its usual ones."""
    parameters: tuple[Schema, ...] = ()
    bodies: Mapping[str, Schema] = field(default_factory=dict)
    """By media type; empty where nothing is sent."""
    needs_body: bool = True
    is_open: bool = False
    """Is no credential needed?"""


@dataclass(frozen=True, slots=True)
class Description:
    """One system's operations."""

    tag: str
    text: str
    operations: tuple[Operation, ...]
    errors: Schema
    """The body of everything that goes wrong."""
    usual_refusals: tuple[int, ...]
    """Of every operation; of those that need a credential 401 and 403 too."""
    schemes: tuple[str, ...] = ("bearer",)
    """Which credentials it takes: names of app.routes.openapi."""


def object_of(properties: Mapping[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    """An object with these fields, all of them there but the optional ones, and nothing else."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def input_of(properties: Mapping[str, Schema], *, required: tuple[str, ...] = ()) -> Schema:
    """An object that clients send: fields that are not known are passed over."""
    return {"type": "object", "properties": properties, "required": list(required)}


def list_of(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


def map_of(values: Schema) -> Schema:
    """An object with whatever names."""
    return {"type": "object", "additionalProperties": values}


def one_of(*values: str) -> Schema:
    """One of these texts."""
    return {"type": "string", "enum": list(values)}


def whole(least: int | None = None, most: int | None = None, *, default: int | None = None) -> Schema:
    """A whole number within bounds."""
    bounds = {"minimum": least, "maximum": most, "default": default}
    return {"type": "integer"} | {name: value for name, value in bounds.items() if value is not None}


def text(most: int, *, least: int = 0) -> Schema:
    """A text within bounds, in characters."""
    return {"type": "string", "maxLength": most} | ({"minLength": least} if least else {})


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def path_parameter(name: str, about: str, schema: Schema = TEXT) -> Schema:
    """A part of the path."""
    return {"name": name, "in": "path", "required": True, "description": about, "schema": schema}


def query_parameter(name: str, about: str, schema: Schema = TEXT, *, is_required: bool = False) -> Schema:
    """A part of the query."""
    return {"name": name, "in": "query", "required": is_required, "description": about, "schema": schema}


def header_parameter(name: str, about: str, schema: Schema = TEXT, *, is_required: bool = False) -> Schema:
    """A header."""
    return {"name": name, "in": "header", "required": is_required, "description": about, "schema": schema}
