"""One more API of a running site, for tests of settings that the shared sites do not have, or of its end."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import httpx

from tests.support.servers.ports import find_free_port
from tests.support.site import Program, Site
from tests.support.waiting import LIMIT_S, wait_until


@contextlib.contextmanager
def further_api(site: Site, **settings: str) -> Iterator[Site]:
    """The site as this process alone serves it; it ends with the context."""
    port = find_free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {**site.environment, "SAFELIGHT_PORT": str(port), "SAFELIGHT_BASE_URL": url, **settings}
    api = Program("api", environment, site.data_dir / f"further-api-{port}.log")
    served = replace(site, base_url=url, environment=environment, apis=[api], workers=[], api_urls=[url], log_starts={})
    api.start()
    try:
        wait_serving(served)
        yield served
    finally:
        api.stop()


def wait_serving(served: Site) -> None:
    """Return once the process answers; it is not "ready" where its Redis is not that of the workers."""
    (api,) = served.apis

    def is_serving() -> bool:
        assert api.is_running, api.log
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{served.base_url}/healthz", timeout=LIMIT_S, verify=False).status_code == 200
        return False

    wait_until(is_serving, lambda: api.log)
