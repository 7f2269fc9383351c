"""What the PixelFox face says of itself in /openapi.json."""

from app.domain.policy import Profile
from app.domain.variants import Family
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
    whole,
)
from app.routes.upload_description import IMAGE_FIELDS, POLICY

_PROFILE = object_of(
    {
        "id": WHOLE,
        "username": TEXT,
        "email": TEXT,
        "status": TEXT,
        "plan": TEXT,
        "created_at": MOMENT,
        "last_login_at": or_null(MOMENT),
        "api_key_last_used_at": or_null(MOMENT),
        "stats": object_of(
            {
                "images": object_of(
                    {"count": WHOLE, "storage_used_bytes": WHOLE, "storage_remaining_bytes": or_null(WHOLE)}
                ),
                "albums": object_of({"count": WHOLE}),
            }
        ),
        "limits": object_of(
            {
                "max_upload_bytes": WHOLE,
                "storage_quota_bytes": or_null(WHOLE),
                "can_multi_upload": FLAG,
                "image_upload_enabled": FLAG,
                "direct_upload_enabled": FLAG,
                "allowed_thumbnail_formats": list_of(TEXT),
            }
        ),
        "preferences": object_of({"thumbnail_original": FLAG, "thumbnail_webp": FLAG, "thumbnail_avif": FLAG}),
    }
)
_SESSION = object_of(
    {
        "upload_url": TEXT,
        "token": TEXT,
        "pool_id": WHOLE,
        "album_id": WHOLE,
        "is_nsfw": FLAG,
        "expires_at": WHOLE,
        "max_bytes": WHOLE,
        "processing": POLICY,
    },
    optional=("album_id",),
)
_DERIVATIVE = input_of(
    {"family": one_of(*(family.value for family in Family)), "size": TEXT}, required=("family", "size")
)
_ASKED: dict[str, Schema] = {
    "file_size": whole(1),
    "album_id": or_null(WHOLE),
    "is_nsfw": or_null(FLAG),
    "processing": or_null(
        input_of(
            {
                "profile": one_of(*(profile.value for profile in Profile if profile is not Profile.LEGACY)),
                "derivatives": or_null(list_of(_DERIVATIVE)),
            }
        )
    ),
}
_UPLOADED = object_of(IMAGE_FIELDS)
_RESOURCE = object_of({name: schema for name, schema in IMAGE_FIELDS.items() if name != "duplicate"})
_ALBUM = object_of({"id": WHOLE, "slug": TEXT, "title": TEXT})
_ONE = (path_parameter("uuid", "An image's id.", UUID),)

DESCRIPTION = Description(
    tag="PixelFox",
    text="PixelFox's API, below /api/v1.",
    operations=(
        Operation("get", "/api/v1/user/profile", "The caller's account", {200: Answer("It.", _PROFILE)}),
        Operation(
            "get",
            "/api/v1/albums",
            "The caller's albums with their numbers",
            {200: Answer("The newest 1,000.", object_of({"albums": list_of(_ALBUM)}))},
        ),
        Operation(
            "post",
            "/api/v1/upload/sessions",
            "Open a session for one file",
            {200: Answer("Where the file goes.", _SESSION)},
            (400, 409, 413, 429),
            bodies={JSON: input_of(_ASKED, required=("file_size",))},
        ),
        Operation(
            "post",
            "/api/v1/upload",
            "Send the file of the session whose token is the Bearer",
            {200: Answer("The image.", _UPLOADED)},
            (400, 409, 410, 413, 415, 422, 429),
            bodies={FORM: input_of({"file": BYTES}, required=("file",))},
        ),
        Operation(
            "get",
            "/api/v1/images/{uuid}/status",
            "Whether all is made",
            {200: Answer("It.", object_of({"complete": FLAG, "failed": FLAG, "view_url": or_null(TEXT)}))},
            parameters=_ONE,
        ),
        Operation("get", "/api/v1/images/{uuid}", "One image", {200: Answer("It.", _RESOURCE)}, parameters=_ONE),
    ),
    errors=object_of({"error": TEXT, "message": TEXT, "details": {"type": "object"}}),
    usual_refusals=(404,),
    schemes=("key", "bearer"),
)
