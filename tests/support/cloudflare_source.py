"""An old system in Cloudflare's words, made up by a test: a list of images, and a file for each."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from tests.support.fake_sources import Answer, Answering, as_json

IMAGES_PATH = "/client/v4/accounts/any/images"
MISSING = Answer(b'{"success": false, "result": null, "errors": [{"code": 5404, "message": ""}]}', status=404)

# Images are JSON whose shape each test knows: Any.
Image = dict[str, Any]


def image_of(name: str, **more: Any) -> Image:
    """As lists have it."""
    url = f"https://imagedelivery.net/hash/{name}/public"
    facts = {"filename": f"{name}.png", "uploaded": "2025-01-31T16:39:28.458Z", "requireSignedURLs": False}
    return {"id": name, "meta": {}, "variants": [url], **facts, **more}


def envelope(result: object) -> Answer:
    """A good answer."""
    return as_json({"success": True, "errors": [], "messages": [], "result": result})


def cloud_of(files: Mapping[str, bytes | Answer], *, images: list[Image] | None = None) -> Answering:
    """One page with an image for each file."""
    listed = images if images is not None else [image_of(name) for name in files]

    def answer(path: str, query: dict[str, str]) -> Answer:
        if path == f"{IMAGES_PATH}/v2":
            return envelope({"images": listed, "continuation_token": None})
        name = unquote(path.removeprefix(f"{IMAGES_PATH}/v1/").removesuffix("/blob"))
        found = files.get(name)
        if found is None or not path.endswith("/blob"):
            return MISSING
        return found if isinstance(found, Answer) else Answer(found, headers={"Content-Type": "image/png"})

    return answer
