"""The fixtures of this folder; see `tests.support.import_fixtures`."""

from tests.support.import_fixtures import moving, new, person, two

__all__ = ["moving", "new", "person", "two"]
