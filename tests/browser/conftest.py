"""The fixtures of this folder; see `tests.support.browser`."""

from tests.support.browser import browser, chromium, picture_folder, visit

__all__ = ["browser", "chromium", "picture_folder", "visit"]
