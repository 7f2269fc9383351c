"""The fixtures of this folder; see `tests.support.fault_sites`."""

from tests.support.fault_sites import make_plain_site, make_site, migrated, set_up

__all__ = ["make_plain_site", "make_site", "migrated", "set_up"]
