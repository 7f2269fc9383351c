"""The fixtures of this folder; see `tests.support.fault_sites` and `small_disks`."""

from tests.support.fault_sites import make_plain_site, make_site, migrated, set_up
from tests.support.small_disks import small_disk

__all__ = ["make_plain_site", "make_site", "migrated", "set_up", "small_disk"]
