"""Slink: the caller's own uploads at `/api/images/history/{page}` (reference: slink-images-api).

Its other list, `/api/images/{page}`, may hold what others have published.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from app.client.moving.answers import NewImage, NewServer
from app.client.moving.items import Facts, OldAlbum, OldImage, OldPreset
from app.client.moving.old_site import OldSite
from app.client.moving.reading import Json, flag_of, id_of, object_of, objects_of, text_of

_EXTENSIONS = {"image/jpeg": "jpg", "image/svg+xml": "svg", "image/x-icon": "ico"}


@dataclass(frozen=True, slots=True)
class Slink:
    """One user; the key is an access token or begins with `sk_`."""

    site: OldSite

    async def albums(self) -> Mapping[str, OldAlbum]:
        """Its documented API has none."""
        return {}

    async def presets(self) -> Sequence[OldPreset]:
        """It has none of an account's own."""
        return ()

    async def pages(self) -> AsyncIterator[Sequence[OldImage]]:
        """The newest first, private ones included; as many as there are until a page is empty."""
        number = 1
        while True:
            answer = object_of(await self.site.read(f"/api/images/history/{number}"))
            found = objects_of(answer.get("data"))
            if not found:
                return
            yield [self._image_of(image) for image in found]
            number += 1

    async def complete(self, image: OldImage) -> OldImage:
        """Lists have all there is."""
        return image

    def new_url_of(self, old_url: str, image: NewImage, server: NewServer) -> str:
        """The same kind of address: it takes `w`, `h` and `crop` as before."""
        return f"{server.url}/image/{image.id}.{old_url.rpartition('.')[2]}"

    def _image_of(self, image: Json) -> OldImage:
        old_id = id_of(image.get("id"))
        attributes, metadata = object_of(image.get("attributes")), object_of(image.get("metadata"))
        name = text_of(attributes.get("fileName"))
        url = f"{self.site.address.root}/image/{quote(old_id, safe='')}.{_extension_of(name, metadata)}"
        facts = Facts(
            filename=name,
            description=text_of(attributes.get("description")),
            is_private=not flag_of(attributes.get("isPublic")),
        )
        return OldImage(old_id, (url,), (url,), facts, _moment_of(attributes.get("createdAt")))


def _extension_of(name: str | None, metadata: Json) -> str:
    # The extension of an address is the format that is wanted: that of the file itself.
    kind = text_of(metadata.get("mimeType")) or ""
    told = _EXTENSIONS.get(kind, kind.partition("/")[2])
    return told or (name or "").rpartition(".")[2] or "jpg"


def _moment_of(value: object) -> str | None:
    stamp = object_of(value or {}).get("timestamp")
    if not isinstance(stamp, int) or not 0 <= stamp < 2**33:
        return None
    return datetime.fromtimestamp(stamp, UTC).isoformat()
