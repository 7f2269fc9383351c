"""Rows for tests, with everything that a column demands."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from app.db.accounts import insert_account
from app.db.engine import Transaction
from app.db.images import insert_image
from app.db.uploads import insert_session
from app.db.variants import insert_variants
from app.domain.access import Visibility
from app.domain.states import ImageState, SessionState
from app.domain.variants import Derivative, Family
from app.ids import AccountId, ImageId, SessionId, make_short_id, make_uuid
from app.services.making.planning import planned_rows

NOW = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
SIZES = ("small", "medium")


async def add_account(db: Transaction) -> AccountId:
    """An account that may do everything."""
    account_id = AccountId(make_uuid())
    values = {
        **{"username": f"user-{account_id.hex[-12:]}", "status": "active", "plan": "owner"},
        **{"account_hash": account_id.hex[-20:], "preferences": {}, "created_at": NOW},
    }
    await insert_account(db, {"id": account_id, **values})
    return account_id


async def add_image(db: Transaction, owner_id: AccountId, **values: object) -> ImageId:
    """An uploaded image without variants."""
    image_id = ImageId(make_uuid())
    columns: dict[str, object] = {
        "short_id": make_short_id(),
        "owner_id": owner_id,
        "filename": "a.jpg",
        "meta": {},
        "tags": [],
        "visibility": Visibility.PUBLIC,
        "is_nsfw": False,
        "processing": {"profile": "default", "derivatives": []},
        "state": ImageState.PROCESSING,
        "revision": 0,
        "generation": 1,
        "created_at": NOW,
        "updated_at": NOW,
        "uploaded_at": NOW,
    }
    await insert_image(db, {"id": image_id, **columns, **values})
    return image_id


async def add_variants(db: Transaction, image_id: ImageId) -> None:
    """Two planned WebP variants."""
    await insert_variants(db, planned_rows(image_id, [Derivative(Family.WEBP, size) for size in SIZES], now=NOW))


async def add_session(db: Transaction, owner_id: AccountId, image_id: ImageId, **values: object) -> SessionId:
    """An open session."""
    session_id = SessionId(make_uuid())
    columns: dict[str, object] = {
        "owner_id": owner_id,
        "image_id": image_id,
        "token_hash": uuid4().hex,
        "state": SessionState.OPEN,
        "expires_at": NOW + timedelta(hours=1),
        "max_bytes": 1000,
        "received_bytes": 0,
        "is_duplicate": False,
        "created_at": NOW,
        "updated_at": NOW,
    }
    await insert_session(db, {"id": session_id, **columns, **values})
    return session_id
