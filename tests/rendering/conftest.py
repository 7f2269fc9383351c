"""The fixtures of this folder; see `tests.support.render_fixture`."""

from tests.support.render_fixture import cage

__all__ = ["cage"]
