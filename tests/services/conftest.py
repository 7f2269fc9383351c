"""The fixtures of this folder; see `tests.support.service_fixtures`."""

from tests.support.render_fixture import cage
from tests.support.service_fixtures import bench, canary, container, demand, host, imports, owner, queue, shelf
from tests.support.service_queries import library
from tests.support.unhurried import unhurried

__all__ = [
    "bench",
    "cage",
    "canary",
    "container",
    "demand",
    "host",
    "imports",
    "library",
    "owner",
    "queue",
    "shelf",
    "unhurried",
]
