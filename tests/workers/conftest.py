"""The fixtures of this folder; see `tests.support.worker_fixture`."""

from tests.support.small_disks import small_disk
from tests.support.worker_fixture import cold_workshop, workshop

__all__ = ["cold_workshop", "small_disk", "workshop"]
