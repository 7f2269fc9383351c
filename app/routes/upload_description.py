"""What the server says of `/upload` in /openapi.json: a session's bytes as a form, as they are, or in parts (tus)."""

from app.routes.describing import (
    ANYTHING,
    BYTES,
    FLAG,
    FORM,
    TEXT,
    UUID,
    WHOLE,
    Answer,
    Description,
    Operation,
    Schema,
    header_parameter,
    input_of,
    list_of,
    map_of,
    object_of,
    or_null,
    path_parameter,
    query_parameter,
    whole,
)
from app.routes.operations_description import HOUSE_ERRORS
from app.routes.tus_headers import PART_TYPE, VERSION

_DERIVATIVE = object_of({"family": TEXT, "size": TEXT})
_MADE = object_of(
    {"url": TEXT, "width": WHOLE, "height": WHOLE, "bytes": WHOLE, "mime_type": TEXT, "animated": or_null(FLAG)}
)
_PROMISED = object_of({"url": TEXT, "ready": FLAG})
_PLACEHOLDER = object_of({"thumbhash": TEXT, "dominant_color": or_null(TEXT)})
POLICY = object_of({"profile": TEXT, "keep_original": FLAG, "derivatives": list_of(_DERIVATIVE)})
"""What was granted."""
IMAGE_FIELDS: dict[str, Schema] = {
    "id": UUID,
    "image_uuid": UUID,
    "short_id": TEXT,
    "view_url": TEXT,
    "url": TEXT,
    "stable_url": TEXT,
    "cdn_url": TEXT,
    "storage_url": or_null(TEXT),
    "is_nsfw": FLAG,
    "width": or_null(WHOLE),
    "height": or_null(WHOLE),
    "placeholder": or_null(_PLACEHOLDER),
    "available_variants": list_of(TEXT),
    "planned_variants": list_of(TEXT),
    "processing": POLICY,
    "variants": map_of(map_of(_MADE)),
    "storage_variants": map_of(map_of(object_of({"url": or_null(TEXT)}))),
    "stable_variants": map_of(map_of(_PROMISED)),
    "duplicate": FLAG,
}
"""An image as app.routes.resources tells it."""
IMAGE_RESOURCE = object_of(IMAGE_FIELDS)

_SESSION = path_parameter("session", "An upload session's id.", UUID)
_TOKEN = query_parameter("token", "The upload token, where it is not sent as a Bearer.")
_TUS = header_parameter("Tus-Resumable", "The version of tus.", {"type": "string", "const": VERSION}, is_required=True)
_LENGTH = header_parameter("Upload-Length", "Bytes of the whole file.", whole(0), is_required=True)
_OFFSET = header_parameter("Upload-Offset", "Bytes that have come.", whole(0), is_required=True)
_TAKEN: dict[int, Answer] = {
    200: Answer("The bytes were there already.", IMAGE_RESOURCE),
    201: Answer("The image is there.", IMAGE_RESOURCE),
    202: Answer("A replacement's bytes are safe; the image still has its old ones.", IMAGE_RESOURCE),
}
_REFUSED = (400, 401, 409, 410, 413, 415, 422)
_OPTIONS = {204: Answer("What the server can do, in headers.")}
_ANY_METADATA = header_parameter("Upload-Metadata", "Keys with values in Base64, as tus has them.", ANYTHING)


def _without_bodies(*statuses: int) -> dict[int, Answer]:
    return {status: Answer("Refused; HEAD has no body.") for status in statuses}


_FOLDER = (
    Operation(
        "post",
        "/upload",
        "Open a session for a resumable upload (tus: creation)",
        {201: Answer("Its address is in Location, with its token.")},
        (400, 401, 403, 409, 412, 413, 429),
        parameters=(_TUS, _LENGTH, _ANY_METADATA),
    ),
    Operation("options", "/upload", "What the server can do", _OPTIONS, is_open=True),
)
_FILES: dict[str, Schema] = {FORM: input_of({"file": BYTES}, required=("file",))}
_SESSIONS = (
    Operation(
        "post",
        "/upload/{session}",
        "Send a session's file as a form with one part `file`, or `image`",
        _TAKEN,
        _REFUSED,
        parameters=(_SESSION, _TOKEN),
        bodies=_FILES,
    ),
    Operation(
        "put",
        "/upload/{session}",
        "Send a session's file as it is",
        _TAKEN,
        _REFUSED,
        parameters=(_SESSION, _TOKEN),
        bodies={"application/octet-stream": BYTES},
    ),
    Operation(
        "head",
        "/upload/{session}",
        "How much of it has come (tus)",
        {200: Answer("Upload-Offset and Upload-Length."), **_without_bodies(400, 401, 403, 404, 409, 410, 412)},
        parameters=(_SESSION, _TOKEN, _TUS),
    ),
    Operation(
        "patch",
        "/upload/{session}",
        "Send the next part (tus)",
        {204: Answer("It has come; with the last one Image-Id says which image it is.")},
        (*_REFUSED, 404, 412, 460),
        parameters=(_SESSION, _TOKEN, _TUS, _OFFSET),
        bodies={PART_TYPE: BYTES},
    ),
    Operation(
        "delete",
        "/upload/{session}",
        "Give it up (tus: termination)",
        {204: Answer("The session is cancelled.")},
        (400, 401, 404, 409, 410, 412),
        parameters=(_SESSION, _TOKEN, _TUS),
    ),
    Operation("options", "/upload/{session}", "What the server can do", _OPTIONS, parameters=(_SESSION,), is_open=True),
)

DESCRIPTION = Description(
    tag="Uploads",
    text="The bytes of upload sessions, which GraphQL's createUploadSession opens.",
    operations=(*_FOLDER, *_SESSIONS),
    errors=HOUSE_ERRORS,
    usual_refusals=(),
    schemes=("bearer", "key", "assertion"),
)
