"""Cloudflare Images: `…/images/v2` by continuation token (reference: cloudflare-images-guide)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from app.client.moving.answers import NewImage, NewServer
from app.client.moving.items import Facts, OldAlbum, OldImage, OldPreset
from app.client.moving.old_site import OldSite
from app.client.moving.reading import (
    Json,
    flag_of,
    id_of,
    notes_of,
    number_of,
    object_of,
    objects_of,
    text_of,
    texts_of,
)

PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Cloudflare:
    """One account; its token needs the permission Cloudflare Images: Edit, or our scope `images:read`."""

    site: OldSite
    account_id: str

    async def albums(self) -> Mapping[str, OldAlbum]:
        """It has none."""
        return {}

    async def presets(self) -> Sequence[OldPreset]:
        """Its variants."""
        result = self._result_of(await self.site.read(f"{self._path}/v1/variants"))
        return [_preset_of(object_of(variant)) for variant in object_of(result.get("variants")).values()]

    async def pages(self) -> AsyncIterator[Sequence[OldImage]]:
        """By the token where answers have one; by numbers where, as in the guide, they have none."""
        query: dict[str, str | int] = {"per_page": PER_PAGE}
        number = 1
        while True:
            result = self._result_of(await self.site.read(f"{self._path}/v2", query))
            found = objects_of(result.get("images"))
            yield [self._image_of(image) for image in found if not flag_of(image.get("draft"))]
            token = text_of(result.get("continuation_token"))
            number += 1
            if token is not None:
                query["continuation_token"] = token
            elif "continuation_token" in result or len(found) < PER_PAGE:
                return
            else:
                query["page"] = number

    async def complete(self, image: OldImage) -> OldImage:
        """Lists of the guide have neither metadata nor creator."""
        if image.is_whole:
            return image
        return self._image_of(self._result_of(await self.site.read(f"{self._path}/v1/{quote(image.old_id, safe='')}")))

    def new_url_of(self, old_url: str, image: NewImage, server: NewServer) -> str:
        """The delivery address of the same variant, by the new account hash and the new id."""
        name = quote(image.custom_id, safe="/") if image.custom_id is not None else image.id
        return f"{image.cdn_root}/{server.account_hash}/{name}/{old_url.rpartition('/')[2]}"

    @property
    def _path(self) -> str:
        return f"/client/v4/accounts/{quote(self.account_id, safe='')}/images"

    def _image_of(self, image: Json) -> OldImage:
        old_id = id_of(image.get("id"))
        metadata = _metadata_of(image)
        facts = Facts(
            filename=text_of(image.get("filename")),
            creator=text_of(image.get("creator")),
            metadata=metadata or {},
            custom_id=None if is_generated(old_id) else old_id,
            is_private=flag_of(image.get("requireSignedURLs")) or False,
        )
        file_url = f"{self.site.address.root}{self._path}/v1/{quote(old_id, safe='')}/blob"
        urls = texts_of(image.get("variants"))
        is_whole = metadata is not None
        return OldImage(old_id, (file_url,), urls, facts, text_of(image.get("uploaded")), is_whole)

    @staticmethod
    def _result_of(answer: object) -> Json:
        return object_of(object_of(answer).get("result"))


def is_generated(old_id: str) -> bool:
    """Did Cloudflare choose the id? Its own are UUIDs, some of them a digit short."""
    digits = old_id.replace("-", "")
    return old_id.count("-") == 4 and 30 <= len(digits) <= 32 and all(digit in "0123456789abcdef" for digit in digits)


def _preset_of(variant: Json) -> OldPreset:
    options = object_of(variant.get("options"))
    return OldPreset(
        id_of(variant.get("id")),
        (text_of(options.get("fit")) or "scale-down").replace("-", "_").upper(),
        number_of(options.get("width")),
        number_of(options.get("height")),
        (text_of(options.get("metadata")) or "none").upper(),
        flag_of(variant.get("neverRequireSignedURLs")) or False,
    )


def _metadata_of(image: Json) -> Json | None:
    for name in ("meta", "metadata"):
        if name in image:
            return notes_of(image[name])
    return None
