"""GET /openapi.json: OpenAPI 3.1 of all that is no GraphQL, put together from the descriptions beside the routes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.routes import operations_description, picture_description, upload_description
from app.routes.describing import JSON, Answer, Description, Operation, Schema
from app.routes.faces.descriptions import FACES

DESCRIPTIONS: tuple[Description, ...] = (
    upload_description.DESCRIPTION,
    picture_description.DESCRIPTION,
    operations_description.DESCRIPTION,
    *FACES,
)

_ABOUT = (
    "What travels over plain HTTP: bytes in, bytes out, and the four systems whose clients work here with another base "
    "URL. Everything else is GraphQL, at `/graphql`; its schema is at `/schema.graphql`."
)
_SCHEMES: dict[str, Schema] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or the access token of a sign-in. For an upload session: its upload token.",
    },
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
    "assertion": {
        "type": "apiKey",
        "in": "header",
        "name": "Cf-Access-Jwt-Assertion",
        "description": "A token of the configured issuer.",
    },
}
# Of tus, and what newer Pythons call otherwise than older ones.
_OTHER_PHRASES = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"} | {
    460: "Checksum Mismatch"
}


@dataclass(frozen=True, slots=True)
class OpenAPIRoute:
    """The document, written once."""

    content: bytes

    @staticmethod
    def of(version: str, base_url: str) -> "OpenAPIRoute":
        """For a server of this version that is reached there."""
        return OpenAPIRoute(orjson.dumps(make_document(version, base_url)))

    async def __call__(self, _request: Request) -> Response:
        """The document; anybody may read it, any page too."""
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-cache"}
        return Response(self.content, media_type=JSON, headers=headers)


def make_document(version: str, base_url: str) -> dict[str, object]:
    """The whole document."""
    paths: dict[str, dict[str, object]] = {}
    for description in DESCRIPTIONS:
        for operation in description.operations:
            paths.setdefault(operation.path, {})[operation.method] = _operation(description, operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Safelight", "version": version, "description": _ABOUT, "license": {"name": "MIT"}},
        "servers": [{"url": base_url}],
        "tags": [{"name": each.tag, "description": each.text} for each in DESCRIPTIONS],
        "paths": paths,
        "components": {
            "schemas": {_error_name(each): each.errors for each in DESCRIPTIONS},
            "securitySchemes": _SCHEMES,
        },
    }


def _operation(description: Description, operation: Operation) -> dict[str, object]:
    document: dict[str, object] = {
        "operationId": f"{operation.method} {operation.path}",
        "tags": [description.tag],
        "summary": operation.summary,
        "responses": _responses(description, operation),
        "security": [{}] if operation.is_open else [{scheme: []} for scheme in description.schemes],
    }
    if operation.parameters:
        document["parameters"] = list(operation.parameters)
    if operation.bodies:
        content = {media_type: {"schema": schema} for media_type, schema in operation.bodies.items()}
        document["requestBody"] = {"required": operation.needs_body, "content": content}
    return document


def _responses(description: Description, operation: Operation) -> Mapping[str, object]:
    refused = _refused(description, operation)
    body: Schema = {"$ref": f"#/components/schemas/{_error_name(description)}"}
    answers = {status: Answer(_phrase(status), body) for status in refused} | dict(operation.answers)
    return {str(status): _answer(answers[status]) for status in sorted(answers)}


def _refused(description: Description, operation: Operation) -> Iterable[int]:
    known = () if operation.is_open else (401, 403)
    return {*description.usual_refusals, *known, *operation.refusals}


def _phrase(status: int) -> str:
    return _OTHER_PHRASES.get(status) or HTTPStatus(status).phrase


def _answer(answer: Answer) -> dict[str, object]:
    if answer.schema is None:
        return {"description": answer.text}
    content = {media_type: {"schema": answer.schema} for media_type in answer.media_types}
    return {"description": answer.text, "content": content}


def _error_name(description: Description) -> str:
    return description.tag.replace(" ", "") + "Error"
