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
from app.services.accounts.accounts import AccountService
from app.services.accounts.signing_keys import SigningKeyService
from app.services.library.albums import AlbumService
from app.services.library.images import ImageService
from app.services.uploads.sessions import UploadService

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

SessionView = tuple[SessionRecord, ImageSnapshot]


@dataclass(frozen=True, slots=True)
class Sources:
    """The services behind the loaders."""

    accounts: AccountService
    albums: AlbumService
    images: ImageService
    uploads: UploadService
    signing_keys: SigningKeyService


class Loaders:
    """One operation's loaders, which see what its caller may see; None stands for what is not there for the caller.

    Each is made when it is first asked for: most operations need none, and a subscription keeps its own all the time.
    """

    def __init__(self, principal: Principal, sources: Sources) -> None:
        self._principal = principal
        self._sources = sources

    @cached_property
    def accounts(self) -> DataLoader[AccountId, AccountRecord | None]:
        """Accounts, as anyone may see them."""
        return _batched(self._sources.accounts.get_many)

    @cached_property
    def images(self) -> DataLoader[ImageId, ImageSnapshot | None]:
        """Images with their variants."""
        return _batched(lambda ids: self._sources.images.find_many(self._principal, ids))

    @cached_property
    def sessions(self) -> DataLoader[SessionId, SessionView | None]:
        """Upload sessions with their images."""
        return _batched(lambda ids: self._sources.uploads.get_many(self._principal, ids))

    @cached_property
    def albums(self) -> DataLoader[AlbumId, AlbumRecord | None]:
        """Albums, whoever asks: their slugs stand in addresses."""
        return _batched(self._sources.albums.get_many)

    @cached_property
    def album_sizes(self) -> DataLoader[AlbumId, AlbumSize | None]:
        """How much is in albums."""
        return _batched(self._sources.albums.measure)

    @cached_property
    def covers(self) -> DataLoader[AlbumId, ImageSnapshot | None]:
        """The pictures that stand for albums."""
        return _batched(lambda ids: self._sources.albums.find_covers(self._principal, ids))

    @cached_property
    def signing_keys(self) -> DataLoader[AccountId, list[SigningKeyRecord] | None]:
        """Secrets: asked for only on behalf of their owner."""
        return _batched(self._sources.signing_keys.get_many)


def _batched(
    find_many: Callable[[Sequence[KeyT]], Awaitable[dict[KeyT, ValueT]]],
) -> DataLoader[KeyT, ValueT | None]:
    async def load(keys: list[KeyT]) -> list[ValueT | None]:
        found = await find_many(list(dict.fromkeys(keys)))
        return [found.get(key) for key in keys]

    return DataLoader(load_fn=load, cache=False)
