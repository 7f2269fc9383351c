"""Cloudflare Images below `/client/v4`, and the few routes of its batch host below `/images`."""

from starlette.routing import BaseRoute, Mount

from app.routes.faces.cloudflare.account import CloudflareAccount
from app.routes.faces.cloudflare.images import CloudflareImages
from app.routes.faces.cloudflare.listing import CloudflareLists
from app.routes.faces.cloudflare.paths import EncodedPaths
from app.routes.faces.cloudflare.uploads import DIRECT_PATH, PREFIX, CloudflareUploads
from app.routes.faces.cloudflare.variants import CloudflareVariants
from app.routes.faces.cloudflare.words import tell
from app.routes.faces.face import make_face, make_mount, make_route
from app.routes.faces.parts import FaceParts

# Whatever account a path names: the token says whose images these are, and a foreign id opens nothing.
_ACCOUNT = "/accounts/{account_id}/images"


def make_cloudflare(parts: FaceParts) -> list[Mount]:
    """Everything of this face."""
    uploads = CloudflareUploads(parts)
    everything = [
        make_route(DIRECT_PATH, POST=uploads.receive_direct, OPTIONS=uploads.allow_direct),
        *_account_routes(_ACCOUNT, parts),
        *_image_routes(_ACCOUNT, parts),
    ]
    batch = _image_routes("", parts)
    return [
        make_face(PREFIX, [make_mount("", EncodedPaths(everything))], tell),
        make_face("/images", [make_mount("", EncodedPaths(batch))], tell),
    ]


def _image_routes(root: str, parts: FaceParts) -> list[BaseRoute]:
    """What both hosts have; the fixed names come before the ids of images, which may look like anything."""
    uploads, lists, images = CloudflareUploads(parts), CloudflareLists(parts), CloudflareImages(parts)
    return [
        make_route(f"{root}/v1", GET=lists.pages, POST=uploads.upload),
        make_route(f"{root}/v2", GET=lists.stretch),
        make_route(f"{root}/v2/direct_upload", POST=uploads.open_direct),
        make_route(root + "/v1/{image_id:path}/blob", GET=images.blob),
        make_route(root + "/v1/{image_id:path}", GET=images.details, PATCH=images.edit, DELETE=images.delete),
    ]


def _account_routes(root: str, parts: FaceParts) -> list[BaseRoute]:
    account, variants = CloudflareAccount(parts), CloudflareVariants(parts)
    one_variant = {"GET": variants.details, "PATCH": variants.edit, "DELETE": variants.delete}
    return [
        make_route(f"{root}/v1/stats", GET=account.stats),
        make_route(f"{root}/v1/config", PATCH=account.configure),
        make_route(f"{root}/v1/batch_token", GET=account.batch_token),
        make_route(f"{root}/v1/keys", GET=account.list_keys),
        make_route(root + "/v1/keys/{key_name}", PUT=account.put_key, DELETE=account.delete_key),
        make_route(f"{root}/v1/variants", GET=variants.list, POST=variants.create),
        make_route(root + "/v1/variants/{variant_id}", **one_variant),
    ]
