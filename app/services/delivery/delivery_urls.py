"""The addresses of images by their owner's hash and the name of a size, as Cloudflare's clients know them."""

from dataclasses import dataclass

from app.db.accounts import find_account
from app.db.engine import Database
from app.db.presets import list_presets
from app.db.records import ImageRecord
from app.domain.links import make_cloudflare_path
from app.errors import Unauthorized
from app.ids import AccountId

DEFAULT_SIZE = "public"
"""The one built-in size among them: the others are named by other clients."""


@dataclass(frozen=True, slots=True)
class DeliveryURLs:
    """What all addresses of one owner's images are made of."""

    root: str
    """`{cdn}`, without a slash at its end."""
    account_hash: str
    sizes: tuple[str, ...]
    """`public`, then the owner's own, by name."""

    def of(self, image: ImageRecord) -> list[str]:
        """The addresses of an image, one for each size. What is private must be signed by whoever asks."""
        name = name_of(image)
        return [self.root + make_cloudflare_path(self.account_hash, name, size) for size in self.sizes]


class DeliveryURLService:
    """Knows the owners' sizes."""

    def __init__(self, database: Database, cdn_url: str) -> None:
        self._database = database
        self._cdn_url = cdn_url

    async def read(self, owner_id: AccountId) -> DeliveryURLs:
        """What the addresses of this owner's images are made of, for somebody who has proved to be the owner."""
        async with self._database.read() as db:
            account = await find_account(db, owner_id)
            if account is None:
                raise Unauthorized("This account is gone.")
            own = await list_presets(db, owner_id)
        return DeliveryURLs(self._cdn_url, account.account_hash, (DEFAULT_SIZE, *(preset.name for preset in own)))


def name_of(image: ImageRecord) -> str:
    """What the owner calls an image: its custom id, or else its id."""
    return image.custom_id or str(image.id)
