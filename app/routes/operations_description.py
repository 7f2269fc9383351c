"""What the server says in /openapi.json of the routes for those who run it, of albums, and of embedding."""

from app.routes.describing import (
    BYTES,
    NUMBER,
    TEXT,
    Answer,
    Description,
    Operation,
    Schema,
    map_of,
    object_of,
    one_of,
    path_parameter,
    query_parameter,
    whole,
)

HOUSE_ERRORS = object_of(
    {"code": TEXT, "message": TEXT, "details": {"type": "object"}, "request_id": {"type": ["string", "null"]}}
)
"""The body of an error wherever no other system's words are spoken; the codes are in docs/errors.md."""

_READINESS = object_of(
    {
        **{"status": one_of("ready", "not ready"), "checks": map_of(TEXT), "warnings": map_of(TEXT)},
        "sandbox": object_of({"landlockAbi": {"type": ["integer", "null"]}}),
    }
)
_OEMBED_TEXTS = ("version", "type", "title", "author_name", "provider_name", "provider_url", "thumbnail_url", "url")
_OEMBED_NUMBERS = ("cache_age", "thumbnail_width", "thumbnail_height", "width", "height")
_OEMBED_FIELDS: dict[str, Schema] = {
    **dict.fromkeys((*_OEMBED_TEXTS, "web_page"), TEXT),
    **dict.fromkeys(_OEMBED_NUMBERS, NUMBER),
}

_WATCHED = (
    Operation(
        "get", "/healthz", "The process answers", {200: Answer("It does.", object_of({"status": TEXT}))}, is_open=True
    ),
    Operation(
        "get",
        "/readyz",
        "All that is needed answers",
        {200: Answer("It does.", _READINESS), 503: Answer("Not all of it.", _READINESS)},
        is_open=True,
    ),
    Operation("get", "/metrics", "Prometheus", {200: Answer("Counts.", TEXT, ("text/plain",))}, is_open=True),
    Operation(
        "get", "/schema.graphql", "The GraphQL schema", {200: Answer("The SDL.", TEXT, ("text/plain",))}, is_open=True
    ),
    Operation(
        "get",
        "/openapi.json",
        "This document",
        {200: Answer("OpenAPI 3.1.", {"type": "object"})},
        is_open=True,
    ),
)
_SHOWN = (
    Operation(
        "get",
        "/albums/{name}",
        "An album's originals in a ZIP archive, for its owner or signed",
        {200: Answer("The archive.", BYTES, ("application/zip",))},
        (401, 403, 404),
        parameters=(path_parameter("name", "An album's id, and `.zip`.", {"type": "string", "pattern": r"\.zip$"}),),
    ),
    Operation(
        "get",
        "/oembed",
        "How a public picture is embedded elsewhere: oEmbed 1.0, type photo",
        {200: Answer("The photo.", object_of(_OEMBED_FIELDS))},
        (400, 404, 501),
        parameters=(
            query_parameter("url", "The address of a picture, or of its page.", is_required=True),
            query_parameter("format", "The default is json; xml is answered as text/xml.", one_of("json")),
            query_parameter("maxwidth", "Pixels.", whole(1, 999_999)),
            query_parameter("maxheight", "Pixels.", whole(1, 999_999)),
        ),
        is_open=True,
    ),
)

DESCRIPTION = Description(
    tag="Server",
    text="For those who run it, and for those who embed.",
    operations=(*_WATCHED, *_SHOWN),
    errors=HOUSE_ERRORS,
    usual_refusals=(),
    schemes=("bearer", "key", "assertion"),
)
