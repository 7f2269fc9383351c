"""The fixtures of this folder; see `tests.support.toy_process`."""

from tests.support.toy_process import client, toy, traceback_free

__all__ = ["client", "toy", "traceback_free"]
