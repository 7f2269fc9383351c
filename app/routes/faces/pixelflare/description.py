"""What the PixelFlare face says of itself in /openapi.json."""

from app.domain.access import Scope
from app.domain.albums import MAX_SLUG_CHARACTERS
from app.routes.describing import (
    FLAG,
    JSON,
    MOMENT,
    TEXT,
    UUID,
    WHOLE,
    Answer,
    Description,
    Operation,
    Schema,
    input_of,
    list_of,
    object_of,
    one_of,
    or_null,
    path_parameter,
    query_parameter,
    text,
    whole,
)

_IMAGE_FIELDS: dict[str, Schema] = {
    "id": TEXT,
    "filename": TEXT,
    "album": or_null(TEXT),
    "owner": TEXT,
    "content_type": or_null(TEXT),
    "size": or_null(WHOLE),
    "tags": list_of(TEXT),
    "is_private": FLAG,
    "created_at": MOMENT,
    "cdn_url": TEXT,
    "alt": or_null(TEXT),
    "width": or_null(WHOLE),
    "height": or_null(WHOLE),
    "status": TEXT,
    "variants": list_of(object_of({"name": TEXT, "url": TEXT, "ready": FLAG})),
    "deleted_at": or_null(MOMENT),
    "uuid": UUID,
}
_IMAGE = object_of(_IMAGE_FIELDS)
_ALBUM = object_of(
    {
        "slug": TEXT,
        "title": TEXT,
        "description": or_null(TEXT),
        "image_count": WHOLE,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
)
_KEY: dict[str, Schema] = {
    "id": TEXT,
    "name": TEXT,
    "scopes": list_of(TEXT),
    "created_at": MOMENT,
    "expires_at": or_null(MOMENT),
    "last_used_at": or_null(MOMENT),
}
_DONE = Answer("Done.")
_SLUG: Schema = {"type": "string", "pattern": "^[a-z0-9-]+$", "maxLength": MAX_SLUG_CHARACTERS, "minLength": 1}
_CHANGE: dict[str, Schema] = {
    "filename": text(255, least=1),
    "album": or_null(_SLUG),
    "tags": or_null(list_of(text(64, least=1))),
    "alt": or_null(text(5_000)),
    "is_private": or_null(FLAG),
}
_ONE_IMAGE = (path_parameter("short_id", "An image's short id."),)
_ONE_ALBUM = (path_parameter("slug", "An album's slug."),)
_PART = (
    query_parameter("limit", "At most 100; the default is 50.", whole(1)),
    query_parameter("cursor", "`next_cursor` of the part before."),
)


def _part_of(items: Schema) -> Schema:
    return object_of({"data": list_of(items), "next_cursor": or_null(TEXT)})


_IMAGES = (
    Operation(
        "get",
        "/v1/images",
        "List images, newest first",
        {200: Answer("A part of the list.", _part_of(_IMAGE))},
        parameters=(
            *_PART,
            query_parameter("album", "A slug."),
            query_parameter("tag", "Given again: all of them."),
            query_parameter("include_deleted", "The trash too.", one_of("true", "false")),
        ),
    ),
    Operation(
        "post",
        "/v1/images",
        "Make an image; its bytes go to `upload_url`",
        {201: Answer("The draft.", object_of({**_IMAGE_FIELDS, "upload_url": TEXT}))},
        (409, 413, 429),
        bodies={JSON: input_of({**_CHANGE, "turnstile_token": or_null(TEXT)})},
    ),
    Operation("get", "/v1/images/{short_id}", "One image", {200: Answer("It.", _IMAGE)}, parameters=_ONE_IMAGE),
    Operation(
        "patch",
        "/v1/images/{short_id}",
        "Change an image",
        {200: Answer("The image as it is now.", _IMAGE)},
        (409, 413),
        parameters=_ONE_IMAGE,
        bodies={JSON: input_of(_CHANGE)},
    ),
    Operation(
        "delete",
        "/v1/images/{short_id}",
        "Move an image into the trash, for 30 days",
        {204: _DONE},
        (409,),
        parameters=_ONE_IMAGE,
    ),
    Operation(
        "post",
        "/v1/images/{short_id}/variants",
        "Have sizes made",
        {202: Answer("They will be.", _IMAGE)},
        (409, 413, 429),
        parameters=_ONE_IMAGE,
        bodies={JSON: input_of({"variants": {**list_of(TEXT), "minItems": 1}}, required=("variants",))},
    ),
)
_ALBUM_INPUT: dict[str, Schema] = {"slug": _SLUG, "title": or_null(text(255)), "description": or_null(text(5_000))}
_ALBUMS = (
    Operation(
        "get",
        "/v1/albums",
        "List albums, newest first",
        {200: Answer("A part of the list.", _part_of(_ALBUM))},
        parameters=_PART,
    ),
    Operation(
        "post",
        "/v1/albums",
        "Make an album",
        {201: Answer("It.", _ALBUM)},
        (409, 413),
        bodies={JSON: input_of(_ALBUM_INPUT, required=("slug",))},
    ),
    Operation("get", "/v1/albums/{slug}", "One album", {200: Answer("It.", _ALBUM)}, parameters=_ONE_ALBUM),
    Operation(
        "patch",
        "/v1/albums/{slug}",
        "Change an album",
        {200: Answer("The album as it is now.", _ALBUM)},
        (409, 413),
        parameters=_ONE_ALBUM,
        bodies={JSON: input_of(_ALBUM_INPUT)},
    ),
    Operation("delete", "/v1/albums/{slug}", "Delete an album; its images stay", {204: _DONE}, parameters=_ONE_ALBUM),
    Operation(
        "get",
        "/v1/tags",
        "List tags",
        {200: Answer("By name.", object_of({"data": list_of(object_of({"tag": TEXT, "count": WHOLE}))}))},
    ),
)
_KEYS = (
    Operation(
        "get",
        "/v1/keys",
        "List API keys",
        {200: Answer("Without their values.", object_of({"data": list_of(object_of({**_KEY, "prefix": TEXT}))}))},
    ),
    Operation(
        "post",
        "/v1/keys",
        "Make an API key",
        {201: Answer("Its value is told this once.", object_of({**_KEY, "key": TEXT}))},
        (409, 413),
        bodies={
            JSON: input_of(
                {
                    "name": text(100, least=1),
                    "scopes": list_of(one_of(*(scope.value for scope in Scope))),
                    "expires_at": or_null(MOMENT),
                },
                required=("name", "scopes"),
            )
        },
    ),
    Operation(
        "delete",
        "/v1/keys/{key_id}",
        "Revoke an API key",
        {204: _DONE},
        parameters=(path_parameter("key_id", "A key's id."),),
    ),
)

DESCRIPTION = Description(
    tag="PixelFlare",
    text="PixelFlare's API, below /v1.",
    operations=(*_IMAGES, *_ALBUMS, *_KEYS),
    errors=object_of({"code": TEXT, "message": TEXT, "details": {"type": "object"}}),
    usual_refusals=(400, 404),
    schemes=("bearer", "assertion"),
)
