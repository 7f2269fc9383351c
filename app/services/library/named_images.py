"""An owner's images by the names that the owner has for them, for clients that know neither trash nor sessions."""

import unicodedata

from app.db.engine import Database, Transaction
from app.db.images import find_image_by
from app.db.snapshots import ImageSnapshot, read_watched
from app.domain.access import Principal, Scope, require_account
from app.domain.texts import is_text
from app.errors import NotFound
from app.ids import AccountId, ImageId, make_custom_key, parse_uuid
from app.services.library.trash import TrashService
from app.services.uploads.sessions import UploadService
from app.services.watching.image_watching import closing_error


class NamedImageService:
    """What was deleted, or never came, is not there."""

    def __init__(self, database: Database, uploads: UploadService, trash: TrashService) -> None:
        self._database = database
        self._uploads = uploads
        self._trash = trash

    async def get(self, principal: Principal, name: str, *, scope: Scope = Scope.IMAGES_READ) -> ImageSnapshot:
        """The caller's own image of this id or custom id, with its session. Needs the scope.

        Raises:
            NotFound: there is none, or it is in the trash, or the time of its draft is over.
        """
        owner_id = require_account(principal, scope)
        async with self._database.read() as db:
            snapshot = await _find(db, owner_id, name)
        if snapshot is None or snapshot.image.deleted_at is not None or _is_hopeless(snapshot):
            raise NotFound("There is no such image.")
        return snapshot

    async def remove(self, principal: Principal, name: str) -> None:
        """Remove an image for good, or the draft of one with leave to send its file. Needs the scope IMAGES_WRITE.

        Raises:
            NotFound: the caller has none of this id or custom id.
            Conflict: its file is being sent just now.
        """
        snapshot = await self.get(principal, name, scope=Scope.IMAGES_WRITE)
        if snapshot.image.is_draft and snapshot.session is not None:
            await self._uploads.cancel(principal, snapshot.session.id)
            return
        batch = await self._trash.delete(principal, [snapshot.image.id], permanent=True)
        for error in batch.failed.values():
            raise error


async def _find(db: Transaction, owner_id: AccountId, name: str) -> ImageSnapshot | None:
    # An image's own id first, as in addresses.
    image_id = parse_uuid(name)
    if image_id is not None:
        snapshot = await read_watched(db, ImageId(image_id))
        return snapshot if snapshot is not None and snapshot.image.owner_id == owner_id else None
    if not is_text(name):
        return None
    image = await find_image_by(db, custom_key=make_custom_key(owner_id, unicodedata.normalize("NFC", name)))
    return await read_watched(db, image.id) if image is not None else None


def _is_hopeless(snapshot: ImageSnapshot) -> bool:
    is_closed = snapshot.session is not None and closing_error(snapshot.session) is not None
    return snapshot.image.is_draft and is_closed
