"""The fixtures of this folder; see `tests.support.store_fixtures`."""

from tests.support.store_fixtures import image_id, key, store
from tests.support.unhurried import unhurried

__all__ = ["image_id", "key", "store", "unhurried"]
