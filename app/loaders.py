"""DataLoaders: many look-ups of one kind within an operation become one, through the services and their visibility.

They do not cache: a socket lives long, and what was true for one event is not for the next.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from strawberry.dataloader import DataLoader

from app.db.albums import AlbumSize
from app.db.records import AccountRecord, AlbumRecord, SessionRecord, SigningKeyRecord
from app.db.snapshots import ImageSnapshot
from app.domain.access import Principal
from app.ids import AccountId, AlbumId, ImageId, SessionId
from app.services.accounts import AccountService
from app.services.albums import AlbumService
from app.services.images import ImageService
from app.services.signing_keys import SigningKeyService
from app.services.uploads import UploadService

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

SessionView = tuple[SessionRecord, ImageSnapshot]


@dataclass(frozen=True, slots=True)
class Loaders:
    """One operation's loaders; None stands for what is not there, or not the caller's to see."""

    accounts: DataLoader[AccountId, AccountRecord | None]
    images: DataLoader[ImageId, ImageSnapshot | None]
    sessions: DataLoader[SessionId, SessionView | None]
    albums: DataLoader[AlbumId, AlbumRecord | None]
    """Whoever asks: their slugs stand in addresses."""
    album_sizes: DataLoader[AlbumId, AlbumSize | None]
    covers: DataLoader[AlbumId, ImageSnapshot | None]
    signing_keys: DataLoader[AccountId, list[SigningKeyRecord] | None]
    """Secrets: asked for only on behalf of their owner."""


def make_loaders(
    principal: Principal,
    *,
    accounts: AccountService,
    albums: AlbumService,
    images: ImageService,
    uploads: UploadService,
    signing_keys: SigningKeyService,
) -> Loaders:
    """Loaders that see what `principal` may see."""
    return Loaders(
        accounts=_batched(accounts.get_many),
        albums=_batched(albums.get_many),
        album_sizes=_batched(albums.measure),
        covers=_batched(albums.find_covers),
        images=_batched(lambda ids: images.find_many(principal, ids)),
        signing_keys=_batched(signing_keys.get_many),
        sessions=_batched(lambda ids: uploads.get_many(principal, ids)),
    )


def _batched(
    find_many: Callable[[Sequence[KeyT]], Awaitable[dict[KeyT, ValueT]]],
) -> DataLoader[KeyT, ValueT | None]:
    async def load(keys: list[KeyT]) -> list[ValueT | None]:
        found = await find_many(list(dict.fromkeys(keys)))
        return [found.get(key) for key in keys]

    return DataLoader(load_fn=load, cache=False)
