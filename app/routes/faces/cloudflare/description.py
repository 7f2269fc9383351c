"""What the Cloudflare Images face says of itself in /openapi.json."""

from app.domain.presets import MAX_SIDE_PX
from app.domain.texts import MAX_CREATOR_CHARACTERS, MAX_CUSTOM_ID_CHARACTERS
from app.domain.variants import Fit, MetadataPolicy
from app.routes.describing import (
    BYTES,
    FLAG,
    FORM,
    JSON,
    MOMENT,
    NUMBER,
    TEXT,
    WHOLE,
    Answer,
    Description,
    Operation,
    Schema,
    input_of,
    list_of,
    map_of,
    object_of,
    one_of,
    or_null,
    path_parameter,
    query_parameter,
    text,
    whole,
)
from app.routes.faces.cloudflare.listing import MAX_PAGE, MAX_PER_PAGE

_ACCOUNT = path_parameter("account_id", "Whatever: the token says whose account it is.")
_ROOT = "/client/v4/accounts/{account_id}/images"
_BATCH_ROOT = "/images"
_OBJECT: Schema = {"type": "object"}
_ERRORS = list_of(object_of({"code": WHOLE, "message": TEXT}))


def _envelope(result: Schema, **more: Schema) -> Schema:
    return object_of({"result": result, "success": FLAG, "errors": _ERRORS, "messages": list_of(TEXT), **more})


_IMAGE_FIELDS: dict[str, Schema] = {
    "id": TEXT,
    "uploaded": MOMENT,
    "requireSignedURLs": FLAG,
    "variants": list_of(TEXT),
    "filename": TEXT,
    "creator": or_null(TEXT),
    "meta": _OBJECT,
    "metadata": _OBJECT,
}
_MAYBE = ("filename", "creator", "meta", "metadata")
_IMAGE = object_of(_IMAGE_FIELDS, optional=_MAYBE)
_DETAILS = object_of({**_IMAGE_FIELDS, "draft": FLAG}, optional=_MAYBE)
_OPTIONS = object_of({"fit": TEXT, "metadata": TEXT, "width": or_null(WHOLE), "height": or_null(WHOLE)})
_VARIANT = object_of({"id": TEXT, "options": _OPTIONS, "neverRequireSignedURLs": FLAG})
_ASKED_OPTIONS: dict[str, Schema] = {
    "fit": one_of(*(fit.value for fit in Fit)),
    "metadata": one_of(*(policy.value for policy in MetadataPolicy)),
    "width": whole(1, MAX_SIDE_PX),
    "height": whole(1, MAX_SIDE_PX),
}
_ASKED: dict[str, Schema] = {
    "id": text(MAX_CUSTOM_ID_CHARACTERS),
    "creator": text(MAX_CREATOR_CHARACTERS),
    "requireSignedURLs": FLAG,
    "metadata": _OBJECT,
}
_KEYS = Answer(
    "All of them.",
    _envelope(object_of({"keys": list_of(object_of({"name": TEXT, "value": TEXT}, optional=("value",)))})),
)
_NOTHING = Answer("Done.", _envelope(_OBJECT))
_ONE_IMAGE = path_parameter("image_id", "An image's id, or its own id by its owner, percent-encoded.")
_ONE_KEY = path_parameter("key_name", "A signing key's name.")
_ONE_VARIANT = path_parameter("variant_id", "A variant's id.")
_EDIT: dict[str, Schema] = {"creator": or_null(text(MAX_CREATOR_CHARACTERS)), "requireSignedURLs": FLAG}
_BODY = (400, 408, 413)


def _answer(result: Schema, **more: Schema) -> dict[int, Answer]:
    return {200: Answer("It.", _envelope(result, **more))}


def _pages(version: str) -> tuple[Schema, ...]:
    return (
        query_parameter("page", "From 1.", whole(1, MAX_PAGE)),
        query_parameter("per_page", "Images of a page.", whole(1, MAX_PER_PAGE[version])),
        query_parameter("sort_order", "By the time of the upload.", one_of("asc", "desc")),
        query_parameter("continuation_token", "Where to go on."),
        query_parameter("creator", "Whose; an empty one asks for those without.", text(MAX_CREATOR_CHARACTERS)),
    )


def _lists(root: str, *shared: Schema) -> tuple[Operation, ...]:
    info = object_of({"page": WHOLE, "per_page": WHOLE, "count": WHOLE})
    images = list_of(_IMAGE)
    stretch = object_of({"images": images, "continuation_token": or_null(TEXT)})
    return (
        Operation(
            "get",
            f"{root}/v1",
            "List images by pages",
            _answer(object_of({"images": images}), result_info=info),
            parameters=(*shared, *_pages("v1")),
        ),
        Operation("get", f"{root}/v2", "List images", _answer(stretch), parameters=(*shared, *_pages("v2"))),
    )


def _uploads(root: str, *shared: Schema) -> tuple[Operation, ...]:
    return (
        Operation(
            "post",
            f"{root}/v1",
            "Upload a file, or the URL of one",
            _answer(_IMAGE),
            (*_BODY, 409, 415, 422, 429),
            parameters=shared,
            bodies={FORM: input_of({"file": BYTES, "url": TEXT, **_ASKED})},
        ),
        Operation(
            "post",
            f"{root}/v2/direct_upload",
            "Make a one-time URL for somebody else's upload",
            _answer(object_of({"id": TEXT, "uploadURL": TEXT})),
            (*_BODY, 409, 429),
            parameters=shared,
            bodies={JSON: input_of({**_ASKED, "expiry": MOMENT})},
            needs_body=False,
        ),
    )


def _single(root: str, *shared: Schema) -> tuple[Operation, ...]:
    path, one = root + "/v1/{image_id}", (*shared, _ONE_IMAGE)
    bytes_answers = {200: Answer("They.", BYTES, ("image/*",)), 206: Answer("A part.", BYTES, ("image/*",))}
    return (
        Operation("get", path, "One image", _answer(_DETAILS), parameters=one),
        Operation(
            "patch",
            path,
            "Change an image; its id stays",
            _answer(_IMAGE),
            (*_BODY, 409),
            parameters=one,
            bodies={JSON: input_of({**_EDIT, "metadata": _OBJECT})},
        ),
        Operation("delete", path, "Remove an image for good", {200: _NOTHING}, (409,), parameters=one),
        Operation("get", f"{path}/blob", "The very bytes that were uploaded", bytes_answers, parameters=one),
    )


_ACCOUNTS = (
    Operation(
        "get",
        f"{_ROOT}/v1/stats",
        "How many images there are, and may be",
        _answer(object_of({"count": object_of({"allowed": NUMBER, "current": NUMBER})})),
        parameters=(_ACCOUNT,),
    ),
    Operation(
        "patch",
        f"{_ROOT}/v1/config",
        "Turn free transformations on or off",
        _answer(object_of({"flexible_variants": FLAG, "browser_ttl": WHOLE, "preserve_content_credentials": FLAG})),
        _BODY,
        parameters=(_ACCOUNT,),
        bodies={JSON: input_of({"flexible_variants": FLAG, "browser_ttl": whole(0, 31_536_000)})},
    ),
    Operation(
        "get",
        f"{_ROOT}/v1/batch_token",
        "A token for the batch host's routes",
        _answer(object_of({"token": TEXT, "expiresAt": MOMENT})),
        parameters=(_ACCOUNT,),
    ),
    Operation("get", f"{_ROOT}/v1/keys", "List signing keys", {200: _KEYS}, parameters=(_ACCOUNT,)),
    Operation(
        "put",
        f"{_ROOT}/v1/keys/{{key_name}}",
        "Make a signing key, or give one a new value",
        {200: _KEYS},
        (400, 409),
        parameters=(_ACCOUNT, _ONE_KEY),
    ),
    Operation(
        "delete",
        f"{_ROOT}/v1/keys/{{key_name}}",
        "Remove a signing key",
        {200: _KEYS},
        (400, 409),
        parameters=(_ACCOUNT, _ONE_KEY),
    ),
)
_VARIANTS = (
    Operation(
        "get",
        f"{_ROOT}/v1/variants",
        "List variants, by their ids",
        _answer(object_of({"variants": map_of(_VARIANT)})),
        parameters=(_ACCOUNT,),
    ),
    Operation(
        "post",
        f"{_ROOT}/v1/variants",
        "Make a variant",
        _answer(object_of({"variant": _VARIANT})),
        (*_BODY, 409),
        parameters=(_ACCOUNT,),
        bodies={
            JSON: input_of(
                {
                    "id": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,98}$"},
                    "options": input_of(_ASKED_OPTIONS, required=("fit", "width", "height")),
                    "neverRequireSignedURLs": FLAG,
                },
                required=("id", "options"),
            )
        },
    ),
    Operation(
        "get",
        f"{_ROOT}/v1/variants/{{variant_id}}",
        "One variant",
        _answer(object_of({"variant": _VARIANT})),
        parameters=(_ACCOUNT, _ONE_VARIANT),
    ),
    Operation(
        "patch",
        f"{_ROOT}/v1/variants/{{variant_id}}",
        "Change what every address of a variant delivers",
        _answer(object_of({"variant": _VARIANT})),
        (*_BODY, 409),
        parameters=(_ACCOUNT, _ONE_VARIANT),
        bodies={JSON: input_of({"options": input_of(_ASKED_OPTIONS), "neverRequireSignedURLs": FLAG})},
    ),
    Operation(
        "delete",
        f"{_ROOT}/v1/variants/{{variant_id}}",
        "Remove a variant of all images",
        {200: _NOTHING},
        (400, 409),
        parameters=(_ACCOUNT, _ONE_VARIANT),
    ),
)
_DIRECT_PATH = "/client/v4/direct_upload/{account_hash}/{image_id}"
_DIRECT_PARAMETERS = (
    path_parameter("account_hash", "The owner's."),
    path_parameter("image_id", "The draft's."),
    query_parameter("token", "As the one-time URL has it."),
)
_DIRECT = (
    Operation(
        "post",
        _DIRECT_PATH,
        "Send the file of a one-time URL",
        _answer(_IMAGE),
        (401, *_BODY, 409, 410, 415, 422),
        parameters=_DIRECT_PARAMETERS,
        bodies={FORM: input_of({"file": BYTES}, required=("file",))},
        is_open=True,
    ),
    Operation(
        "options",
        _DIRECT_PATH,
        "What browsers may send",
        {204: Answer("In headers.")},
        parameters=_DIRECT_PARAMETERS,
        is_open=True,
    ),
)

DESCRIPTION = Description(
    tag="Cloudflare Images",
    text="Cloudflare's Images API, below /client/v4, and its batch host's routes, below /images.",
    operations=(
        *_uploads(_ROOT, _ACCOUNT),
        *_lists(_ROOT, _ACCOUNT),
        *_single(_ROOT, _ACCOUNT),
        *_ACCOUNTS,
        *_VARIANTS,
        *_DIRECT,
        *_uploads(_BATCH_ROOT),
        *_lists(_BATCH_ROOT),
        *_single(_BATCH_ROOT),
    ),
    errors=object_of({"result": {"type": "null"}, "success": FLAG, "errors": _ERRORS, "messages": list_of(TEXT)}),
    usual_refusals=(400, 404),
)
