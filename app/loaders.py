"""DataLoaders: many look-ups of one kind within an operation become one, through the services and their visibility.

They do not cache: a socket lives long, and what was true for one event is not for the next.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from strawberry.dataloader import DataLoader

from app.db.records import AccountRecord, SessionRecord
from app.db.snapshots import ImageSnapshot
from app.domain.access import Principal
from app.ids import AccountId, ImageId, SessionId
from app.services.accounts import AccountService
from app.services.images import ImageService
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


def make_loaders(
    principal: Principal, *, accounts: AccountService, images: ImageService, uploads: UploadService
) -> Loaders:
    """Loaders that see what `principal` may see."""
    return Loaders(
        accounts=_batched(accounts.get_many),
        images=_batched(lambda ids: images.find_many(principal, ids)),
        sessions=_batched(lambda ids: uploads.get_many(principal, ids)),
    )


def _batched(
    find_many: Callable[[Sequence[KeyT]], Awaitable[dict[KeyT, ValueT]]],
) -> DataLoader[KeyT, ValueT | None]:
    async def load(keys: list[KeyT]) -> list[ValueT | None]:
        found = await find_many(list(dict.fromkeys(keys)))
        return [found.get(key) for key in keys]

    return DataLoader(load_fn=load, cache=False)
