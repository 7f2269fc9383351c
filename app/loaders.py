"""DataLoaders: many look-ups of one kind within an operation become one, through the services and their visibility.

They do not cache: a socket lives long, and what was true for one event is not for the next.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
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
class LoadingServices:
    """Whom loaders ask."""

    accounts: AccountService
    albums: AlbumService
    images: ImageService
    uploads: UploadService
    signing_keys: SigningKeyService


class Loaders:
    """One operation's loaders; None stands for what is not there, or not the caller's to see.

    Each is made when it is first asked for: an idle subscription shall not weigh what it never needs.
    """

    def __init__(self, principal: Principal, services: LoadingServices) -> None:
        self._principal = principal
        self._services = services

    @cached_property
    def accounts(self) -> DataLoader[AccountId, AccountRecord | None]:
        """Accounts by id."""
        return _batched(self._services.accounts.get_many)

    @cached_property
    def images(self) -> DataLoader[ImageId, ImageSnapshot | None]:
        """Images that the caller may see."""
        return _batched(lambda ids: self._services.images.find_many(self._principal, ids))

    @cached_property
    def sessions(self) -> DataLoader[SessionId, SessionView | None]:
        """The caller's own sessions."""
        return _batched(lambda ids: self._services.uploads.get_many(self._principal, ids))

    @cached_property
    def albums(self) -> DataLoader[AlbumId, AlbumRecord | None]:
        """Albums, whoever asks: their slugs stand in addresses."""
        return _batched(self._services.albums.get_many)

    @cached_property
    def album_sizes(self) -> DataLoader[AlbumId, AlbumSize | None]:
        """How many images an album has, and their bytes."""
        return _batched(self._services.albums.measure)

    @cached_property
    def covers(self) -> DataLoader[AlbumId, ImageSnapshot | None]:
        """The image that stands for an album."""
        return _batched(self._services.albums.find_covers)

    @cached_property
    def signing_keys(self) -> DataLoader[AccountId, list[SigningKeyRecord] | None]:
        """Secrets: asked for only on behalf of their owner."""
        return _batched(self._services.signing_keys.get_many)


def _batched(
    find_many: Callable[[Sequence[KeyT]], Awaitable[dict[KeyT, ValueT]]],
) -> DataLoader[KeyT, ValueT | None]:
    async def load(keys: list[KeyT]) -> list[ValueT | None]:
        found = await find_many(list(dict.fromkeys(keys)))
        return [found.get(key) for key in keys]

    return DataLoader(load_fn=load, cache=False)
