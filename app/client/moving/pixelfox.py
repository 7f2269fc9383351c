"""PixelFox: `/api/v1/images/{uuid}` of ids from a file, as its API lists nothing (reference: pixelfox-public-api)."""

import csv
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin

from app.client.moving.answers import NewImage, NewServer
from app.client.moving.codes import MovingCode
from app.client.moving.items import Facts, OldAlbum, OldImage, OldPreset
from app.client.moving.old_site import OldSite
from app.client.moving.reading import Json, flag_of, object_of, text_of
from app.client.problems import Problem

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PER_PAGE = 100
_MAX_LINE_CHARACTERS = 65_536
_TEXTS = ("filename", "title", "alt", "description", "album")


@dataclass(frozen=True, slots=True)
class PixelFox:
    """The images that a file names."""

    site: OldSite
    ids_path: Path

    async def albums(self) -> Mapping[str, OldAlbum]:
        """Its API tells none; those that the file names are made."""
        return {}

    async def presets(self) -> Sequence[OldPreset]:
        """It has none of an account's own."""
        return ()

    async def pages(self) -> AsyncIterator[Sequence[OldImage]]:
        """What the file says, in its order."""
        page: dict[str, OldImage] = {}
        for image in read_ids(self.ids_path):
            page.setdefault(image.old_id, image)
            if len(page) == _PER_PAGE:
                yield list(page.values())
                page = {}
        yield list(page.values())

    async def complete(self, image: OldImage) -> OldImage:
        """The resource: addresses, and the mark for sensitive content. Who may see it is found out by looking."""
        resource = object_of(await self.site.read(f"/api/v1/images/{image.old_id}"))
        stable_url = self._absolute(resource.get("stable_url") or resource.get("url"))
        if stable_url is None:
            raise Problem(MovingCode.NOT_THIS_SYSTEM, "An image has no stable_url: that is not PixelFox's API.")
        others = [self._absolute(resource.get(name)) for name in ("url", "storage_url", "view_url")]
        facts = replace(
            image.facts,
            # A file has no name there but the one that all originals have.
            filename=image.facts.filename or f"{image.old_id}.{stable_url.rpartition('.')[2]}",
            is_nsfw=flag_of(resource.get("is_nsfw")),
            is_private=not await self.site.is_public(stable_url),
        )
        old_urls = dict.fromkeys((stable_url, *(url for url in others if url is not None)))
        return replace(image, file_urls=self._files_of(resource, stable_url), old_urls=tuple(old_urls), facts=facts)

    def new_url_of(self, old_url: str, image: NewImage, server: NewServer) -> str:
        """The page for the page, the stable address for every address of the picture."""
        return urljoin(server.url, image.view_url) if "/i/" in old_url else image.stable_url

    def _files_of(self, resource: Json, stable_url: str) -> tuple[str, ...]:
        # Where the bytes lie is nearer to what was uploaded; but it is not always told, nor always within reach.
        storage_url = self._absolute(resource.get("storage_url"))
        return (stable_url,) if storage_url is None else (storage_url, stable_url)

    def _absolute(self, url: object) -> str | None:
        text = text_of(url)
        try:
            return urljoin(f"{self.site.address.root}/", text) if text is not None else None
        except ValueError:
            return None


def read_ids(path: Path) -> Iterator[OldImage]:
    """The images of a file: one id or address a line, or a table (CSV) whose first line names its columns.

    Raises:
        Problem: IDS_NOT_USABLE: it cannot be read, or a line has no id.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline(_MAX_LINE_CHARACTERS)
            names = [name.strip().lower() for name in first.split(",")]
            is_table = "id" in names
            rows = csv.DictReader(file, fieldnames=names if is_table else ["id"])
            if not is_table:
                yield from _image_of({"id": first}, 1)
            for row in rows:
                yield from _image_of(row, rows.line_num + 1)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise Problem(MovingCode.IDS_NOT_USABLE, f"{path} cannot be read: {reason}.") from error


def _image_of(row: Mapping[str, str | None], line_number: int) -> Iterator[OldImage]:
    text = (row.get("id") or "").strip()
    if not text or text.startswith("#"):
        return
    found = _UUID.search(text)
    if found is None:
        raise Problem(MovingCode.IDS_NOT_USABLE, f"Line {line_number} of the ids has no UUID in it: {text[:80]!r}.")
    filename, title, alt, description, album = (row.get(name) or None for name in _TEXTS)
    tags = _tags_of(row.get("tags"))
    yield OldImage(
        found.group().lower(),
        (),
        (),
        Facts(filename=filename, title=title, alt=alt, description=description, album=album, tags=tags),
    )


def _tags_of(text: str | None) -> tuple[str, ...]:
    return tuple(tag.strip() for tag in (text or "").split(";") if tag.strip())
