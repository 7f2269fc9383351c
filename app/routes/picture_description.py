"""What the server says of the addresses of pictures in /openapi.json; docs/delivery.md says more."""

from app.domain.formats import FORMATS_BY_EXTENSION, MEDIA_TYPES
from app.domain.transform_limits import MAX_SIDE_PX
from app.domain.variants import Family
from app.routes.describing import (
    BYTES,
    TEXT,
    UUID,
    Answer,
    Description,
    Operation,
    Schema,
    one_of,
    path_parameter,
    query_parameter,
    whole,
)
from app.routes.operations_description import HOUSE_ERRORS
from app.routes.pictures import MAX_WAIT_S

_TYPES = tuple(MEDIA_TYPES.values())
_SENT = {
    200: Answer("The picture.", BYTES, _TYPES),
    206: Answer("The part that Range asks for.", BYTES, _TYPES),
    304: Answer("The client has it."),
    416: Answer("There is no such part."),
}
_MOVED = {301: Answer("It is called otherwise by now.")}
_PAGE = {
    200: Answer("The picture, or the page around it for who would rather have HTML.", BYTES, (*_TYPES, "text/html"))
}
_REFUSED = (400, 403, 404)
# Addresses that have made what is missing.
_MADE = (*_REFUSED, 429, 502, 503)
_ID = path_parameter("id", "An image's id.", UUID)
_SHORT = path_parameter("short_id", "An image's short id.")
_SIZE = path_parameter("size", "A preset's name, or options such as `w=400,f=auto`.")
_OWNER = path_parameter("owner", "A username; or an account's hash, as in Cloudflare's addresses.")
_ALBUM = path_parameter("album", "A slug, `_` for none; or an image's id or its owner's own id for it.")
_FILE = path_parameter("filename", "With or without its extension; or a size.")
_EXTENSION = path_parameter("ext", "The format that is wanted.", one_of(*FORMATS_BY_EXTENSION))
_COMMON = (
    query_parameter("wait", "Seconds to wait for what is being made.", whole(0, MAX_WAIT_S)),
    query_parameter("v", "The version: with the right one the answer may be kept for ever."),
    query_parameter("download", "1: to be saved.", one_of("1")),
    query_parameter("exp", "When a signature ends, in Unix seconds."),
    query_parameter("sig", "The signature."),
)
_SLINK = (
    query_parameter("w", "Pixels.", whole(1, MAX_SIDE_PX)),
    query_parameter("h", "Pixels.", whole(1, MAX_SIDE_PX)),
    query_parameter("crop", "Fill the box; with one side a square.", one_of("true", "false")),
)


def _picture(path: str, summary: str, *parameters: Schema, more: dict[int, Answer] | None = None) -> Operation:
    refusals = _REFUSED if path.startswith(("/f/", "/images/")) else _MADE
    stable = (503,) if path.startswith("/f/") else ()
    return Operation(
        "get", path, summary, _SENT | (more or {}), (*refusals, *stable), (*parameters, *_COMMON), is_open=True
    )


DESCRIPTION = Description(
    tag="Pictures",
    text="Bytes out. What is private answers its owner's credential or a signature.",
    operations=(
        _picture(
            "/f/{id}/{family}/{size}.{ext}",
            "The stable address",
            _ID,
            path_parameter("family", "What it is encoded as.", one_of(*(family.value for family in Family))),
            path_parameter("size", "A preset's name."),
            _EXTENSION,
        ),
        _picture("/images/{id}/blob", "The very bytes that were uploaded", _ID),
        _picture("/image/{id}.{ext}", "Slink's address", _ID, _EXTENSION, *_SLINK),
        _picture(
            "/t/{id}/{options}.{ext}",
            "Any transformation, as transformUrl makes it",
            _ID,
            path_parameter("options", "As docs/transformations.md has them."),
            path_parameter("ext", "The format that is wanted.", TEXT),
        ),
        _picture("/i/{short_id}", "The short address, or the page around the picture", _SHORT, more=_PAGE),
        _picture("/i/{short_id}/{size}", "The short address of a size", _SHORT, _SIZE),
        _picture("/cdn/{short_id}", "The shortest address", _SHORT),
        _picture("/cdn/i/{short_id}", "The short address", _SHORT),
        _picture("/cdn/i/{short_id}/{size}", "The short address of a size", _SHORT, _SIZE),
        _picture(
            "/cdn/{owner}/{album}/{filename}", "The pretty address, or Cloudflare's", _OWNER, _ALBUM, _FILE, more=_MOVED
        ),
        _picture(
            "/cdn/{owner}/{album}/{filename}/{size}",
            "The pretty address of a size",
            _OWNER,
            _ALBUM,
            _FILE,
            _SIZE,
            more=_MOVED,
        ),
        _picture(
            "/cdn-cgi/imagedelivery/{owner}/{name}/{size}",
            "Cloudflare's address",
            _OWNER,
            path_parameter("name", "An image's id, or its owner's own id for it."),
            _SIZE,
        ),
    ),
    errors=HOUSE_ERRORS,
    usual_refusals=(),
)
