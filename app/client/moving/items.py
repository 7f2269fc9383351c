"""An image, an album and a whole account of the old system, in words that are the same for all of them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.client.moving.answers import NewImage, NewServer


@dataclass(frozen=True, slots=True)
class Facts:
    """What is said of an image. None: the old system does not tell, and the new account's preferences hold."""

    filename: str | None = None
    title: str | None = None
    alt: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    creator: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    custom_id: str | None = None
    album: str | None = None
    """The old system's name of it: a key of `Source.albums`, or a slug that has no more to it."""
    is_private: bool | None = None
    is_nsfw: bool | None = None


@dataclass(frozen=True, slots=True)
class OldImage:
    """One image as the old system knows it."""

    old_id: str
    file_urls: tuple[str, ...]
    """Where its bytes are, the best first."""
    old_urls: tuple[str, ...]
    """Absolute addresses that pages may have of it; what the mapping leads on."""
    facts: Facts
    uploaded_at: str | None = None
    """As the old system writes it."""
    is_whole: bool = True
    """Did the list tell everything, so that `Source.complete` need not ask?"""


@dataclass(frozen=True, slots=True)
class OldAlbum:
    """One album; its name is the key it is found by."""

    slug: str
    title: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class OldPreset:
    """A size by name, which stands in addresses."""

    name: str
    fit: str
    """In the new system's words, as `metadata`: SCALE_DOWN."""
    width_px: int | None
    height_px: int | None
    metadata: str
    is_always_public: bool
    """Also of private images."""


class Source(Protocol):
    """An account of the old system. All methods raise `Problem`."""

    async def albums(self) -> Mapping[str, OldAlbum]:
        """Every album, by what `Facts.album` calls it; empty where the system has none."""

    async def presets(self) -> Sequence[OldPreset]:
        """The account's own sizes; empty where the system has none."""

    def pages(self) -> AsyncIterator[Sequence[OldImage]]:
        """All images of the account, page by page; the same one may come twice."""

    async def complete(self, image: OldImage) -> OldImage:
        """The image with what lists leave out."""

    def new_url_of(self, old_url: str, image: NewImage, server: NewServer) -> str:
        """Where an old address shall lead to."""
