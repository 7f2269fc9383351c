"""What the Slink face says of itself in /openapi.json."""

from app.routes.describing import (
    BYTES,
    FLAG,
    FORM,
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
from app.routes.faces.slink.listing import MAX_LIMIT, MAX_PAGE, MAX_SEARCH_CHARACTERS, ORDERS, SEARCHES
from app.routes.faces.slink.lists import MAX_IDS

_PICTURE = path_parameter("name", "An image's id.", UUID)
_PAGE = path_parameter("page", "From 1.", whole(1, MAX_PAGE))
_SENT: dict[str, Schema] = {FORM: input_of({"image": BYTES}, required=("image",))}
_MADE = Answer("The image is there.", object_of({"id": UUID}))
_MADE_WITH_ADDRESSES = Answer("The image is there.", object_of({"id": UUID, "url": TEXT, "thumbnailUrl": TEXT}))
_DONE = Answer("Done.")
_ATTRIBUTES: dict[str, Schema] = {"fileName": TEXT, "description": TEXT, "isPublic": FLAG}
_METADATA: dict[str, Schema] = {"size": WHOLE, "mimeType": TEXT, "width": WHOLE, "height": WHOLE}
_OWNER: dict[str, Schema] = {"id": UUID, "email": or_null(TEXT), "displayName": TEXT}
_DETAIL = object_of(
    {
        "id": UUID,
        **_ATTRIBUTES,
        "createdAt": MOMENT,
        "updatedAt": or_null(MOMENT),
        "views": WHOLE,
        **_METADATA,
        "supportsResize": FLAG,
        "url": TEXT,
    }
)


def _item(owner: dict[str, Schema]) -> Schema:
    created = object_of({"formattedDate": TEXT, "timestamp": WHOLE})
    attributes = object_of({**_ATTRIBUTES, "createdAt": created, "views": WHOLE})
    return object_of(
        {"id": UUID, "owner": object_of(owner), "attributes": attributes, "metadata": object_of(_METADATA)}
    )


_META: dict[str, Schema] = {"size": WHOLE, "page": WHOLE, "total": WHOLE}
_CURSORS: dict[str, Schema] = {"nextCursor": or_null(TEXT), "prevCursor": or_null(TEXT)}
_LIST = object_of({"meta": object_of(_META | _CURSORS), "data": list_of(_item(_OWNER))})
_HISTORY = object_of({"meta": object_of(_META), "data": list_of(_item(_OWNER | {"username": TEXT}))})
_UPLOAD_REFUSALS = (422, 409)

_UPLOADS = tuple(
    Operation(method, path, summary, {201: made}, _UPLOAD_REFUSALS, bodies=_SENT)
    for path, summary, made in (
        ("/api/upload", "Upload a file, signed in", _MADE),
        ("/api/external/upload", "Upload a file with a key", _MADE_WITH_ADDRESSES),
    )
    for method in ("post", "put")
)
_GUESTS = tuple(
    Operation(
        method,
        "/api/guest/upload",
        "Upload a file as a guest",
        {201: _MADE},
        (403, *_UPLOAD_REFUSALS),
        bodies=_SENT,
        is_open=True,
    )
    for method in ("post", "put")
)
_LISTS = (
    Operation(
        "get",
        "/api/images/{page}",
        "A page of one's own images",
        {200: Answer("The page.", _LIST)},
        (422,),
        parameters=(
            _PAGE,
            query_parameter("limit", f"Images of a page; above {MAX_LIMIT} as many as that.", whole(1, default=10)),
            query_parameter("orderBy", "By what; the default is attributes.updatedAt.", one_of(*ORDERS)),
            query_parameter("order", "Which end comes first; the default is desc.", one_of("desc", "asc")),
            query_parameter("searchTerm", "Words, or a name.", text(MAX_SEARCH_CHARACTERS)),
            query_parameter("searchBy", "Where they are looked for.", one_of(*SEARCHES)),
            query_parameter("cursor", "`nextCursor` or `prevCursor` of another page."),
        ),
    ),
    Operation(
        "get",
        "/api/images/history/{page}",
        "One's own uploads, the newest first",
        {200: Answer("The page.", _HISTORY)},
        (422,),
        parameters=(_PAGE,),
    ),
    Operation(
        "get",
        "/api/images",
        "Images by their ids, in the order asked for",
        {200: Answer("Those that are there for the caller.", list_of(_item(_OWNER)))},
        (422,),
        parameters=(query_parameter("uuid[]", "Which.", {**list_of(UUID), "maxItems": MAX_IDS}),),
    ),
)
_IMAGES = (
    Operation(
        "get",
        "/api/image/{id}/detail",
        "All that is told of one image",
        {200: Answer("The image.", _DETAIL)},
        parameters=(path_parameter("id", "An image's id.", UUID),),
    ),
    Operation(
        "get",
        "/api/image/{name}",
        "The picture that the answer of an external upload names",
        {200: Answer("It.", BYTES, ("image/*",)), 206: Answer("A part.", BYTES, ("image/*",))},
        (400, 401, 403, 502, 503),
        parameters=(path_parameter("name", "`{id}.{ext}` or `{id}_thumbnail.{ext}`."),),
        is_open=True,
    ),
    Operation(
        "patch",
        "/api/image/{name}",
        "Change an image; what is not named stays",
        {204: _DONE},
        (422,),
        parameters=(_PICTURE,),
        bodies={JSON: input_of({"description": or_null(text(5_000)), "isPublic": or_null(FLAG)})},
    ),
    Operation(
        "delete",
        "/api/image/{name}",
        "Remove an image for good, or into the trash with `preserveOnDisk`",
        {204: _DONE},
        (409, 422),
        parameters=(_PICTURE,),
        bodies={JSON: input_of({"preserveOnDisk": or_null(FLAG)})},
        needs_body=False,
    ),
)

DESCRIPTION = Description(
    tag="Slink",
    text="The Images API of Slink, below /api; the pictures are at /image/{id}.{ext}.",
    operations=(*_UPLOADS, *_GUESTS, *_LISTS, *_IMAGES),
    errors=object_of(
        {
            "error": object_of(
                {
                    "title": TEXT,
                    "message": TEXT,
                    "violations": list_of(object_of({"property": TEXT, "message": TEXT})),
                }
            )
        }
    ),
    usual_refusals=(404, 429),
)
