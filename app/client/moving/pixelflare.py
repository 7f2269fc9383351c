"""PixelFlare: `/v1/images` by cursor, `/v1/albums` (reference: pixelflare-api)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from app.client.moving.answers import NewImage, NewServer
from app.client.moving.items import Facts, OldAlbum, OldImage, OldPreset
from app.client.moving.old_site import OldSite
from app.client.moving.reading import Json, flag_of, id_of, object_of, objects_of, text_of, texts_of

PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class PixelFlare:
    """One owner; the key needs `images:read`, and `albums:read` where there are albums."""

    site: OldSite

    async def albums(self) -> Mapping[str, OldAlbum]:
        """All of them; its document shows no pages of albums."""
        answer = await self.site.read("/v1/albums")
        # How the list is wrapped is not documented: as the others are, or not at all.
        found = objects_of(answer.get("data") if isinstance(answer, dict) else answer)
        return {album.slug: album for album in map(_album_of, found)}

    async def presets(self) -> Sequence[OldPreset]:
        """It has none of an account's own."""
        return ()

    async def pages(self) -> AsyncIterator[Sequence[OldImage]]:
        """Without what is in the trash."""
        query: dict[str, str | int] = {"limit": PER_PAGE}
        while True:
            answer = object_of(await self.site.read("/v1/images", query))
            yield [_image_of(image) for image in objects_of(answer.get("data")) if image.get("deleted_at") is None]
            cursor = text_of(answer.get("next_cursor"))
            if cursor is None:
                return
            query["cursor"] = cursor

    async def complete(self, image: OldImage) -> OldImage:
        """The documented list has no alternative text; the image itself may."""
        if image.is_whole:
            return image
        answer = object_of(await self.site.read(f"/v1/images/{quote(image.old_id, safe='')}"))
        return replace(image, facts=replace(image.facts, alt=text_of(answer.get("alt"))))

    def new_url_of(self, old_url: str, image: NewImage, server: NewServer) -> str:
        """The pretty address for the pretty one, the short one for the short one."""
        is_short = old_url.rpartition("/")[2] == old_url.removeprefix(_root_of(old_url)).strip("/")
        return f"{image.cdn_root}/{image.short_id}" if is_short else image.cdn_url


def _image_of(image: Json) -> OldImage:
    old_id, cdn_url = id_of(image.get("id")), id_of(image.get("cdn_url"))
    facts = Facts(
        filename=text_of(image.get("filename")),
        alt=text_of(image.get("alt")),
        tags=texts_of(image.get("tags")),
        album=text_of(image.get("album")),
        is_private=flag_of(image.get("is_private")) or False,
    )
    short_url = f"{_root_of(cdn_url)}/{quote(old_id, safe='')}"
    uploaded_at, is_whole = text_of(image.get("created_at")), "alt" in image
    return OldImage(old_id, (cdn_url,), (cdn_url, short_url), facts, uploaded_at, is_whole)


def _album_of(album: Json) -> OldAlbum:
    return OldAlbum(id_of(album.get("slug")), text_of(album.get("title")), text_of(album.get("description")))


def _root_of(url: str) -> str:
    # https://cdn.example.com of https://cdn.example.com/alice/vacation/beach.jpg
    return "/".join(url.split("/", 3)[:3])
