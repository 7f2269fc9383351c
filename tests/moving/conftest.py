"""The fixtures of this folder; see `tests.support.import_fixtures`."""

from tests.support.import_fixtures import moving, new, person, two
from tests.support.process_control import heed_interrupts

heed_interrupts()

__all__ = ["moving", "new", "person", "two"]
