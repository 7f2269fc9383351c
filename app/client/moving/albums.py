"""Albums of the old system in the new one: each made once, by a slug that the new one takes."""

import asyncio
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.client.moving.items import OldAlbum
from app.client.moving.target import Target

MAX_SLUG_CHARACTERS = 64
MAX_TITLE_CHARACTERS, MAX_DESCRIPTION_CHARACTERS = 255, 5_000


@dataclass(slots=True)
class Albums:
    """The albums of one account on their way; empty ones move too, when `make_all` is called."""

    target: Target
    wanted: dict[str, OldAlbum]
    """By the old system's name; slugs are as the new system takes them."""
    _made: set[str] = field(default_factory=set)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def make_all(self) -> None:
        """Every album that is known from the start."""
        for name in list(self.wanted):
            await self.place(name)

    async def place(self, name: str) -> str:
        """The slug of an album that is there when this returns, however many ask for it."""
        async with self._lock:
            album = self.wanted.setdefault(name, OldAlbum(slug_of(name), name))
            if album.slug not in self._made:
                await self.target.make_album(album)
                self._made.add(album.slug)
        return album.slug


def albums_of(old: Mapping[str, OldAlbum], target: Target) -> Albums:
    """The old albums under new slugs: no two become one, and the same ones in every run."""
    wanted: dict[str, OldAlbum] = {}
    # Those whose slugs can stay have them before any other is given one.
    for name, album in sorted(old.items(), key=lambda pair: (slug_of(pair[0]) != pair[0], pair[0])):
        taken = {each.slug for each in wanted.values()}
        slug, number = slug_of(name), 2
        while slug in taken:
            slug, number = f"{slug_of(name)[: MAX_SLUG_CHARACTERS - 8]}-{number}", number + 1
        title = (album.title or name)[:MAX_TITLE_CHARACTERS]
        description = album.description[:MAX_DESCRIPTION_CHARACTERS] if album.description else None
        wanted[name] = replace(album, slug=slug, title=title, description=description)
    return Albums(target, wanted)


def slug_of(name: str) -> str:
    """1 to 64 of a-z, 0-9 and -, as near to the name as that allows."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain) if re.search(r"[^a-z0-9-]", plain) else plain
    return slug[:MAX_SLUG_CHARACTERS].strip("-") or "album"
