"""One running site for the examples."""

from collections.abc import Iterator

import pytest

from tests.support.servers.redis import run_redis
from tests.support.site import Site, run_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with run_redis() as redis, run_site(tmp_path_factory.mktemp("site"), redis_url=redis.url) as running:
        yield running
