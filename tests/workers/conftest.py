"""The fixtures of this folder; see `tests.support.worker_fixture`."""

from tests.support.worker_fixture import workshop

__all__ = ["workshop"]
