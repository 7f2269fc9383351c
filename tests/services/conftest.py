"""The fixtures of this folder; see `tests.support.service_fixtures`."""

from tests.support.service_fixtures import bench, canary, container, demand, host, imports, owner, queue, shelf

__all__ = ["bench", "canary", "container", "demand", "host", "imports", "owner", "queue", "shelf"]
