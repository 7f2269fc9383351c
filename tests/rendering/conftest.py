"""The fixtures of this folder; see `tests.support.render_fixture`."""

from tests.support.render_fault_site import fault_pictures, fault_site
from tests.support.render_fixture import cage

__all__ = ["cage", "fault_pictures", "fault_site"]
