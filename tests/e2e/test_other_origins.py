"""Pages of other origins: those that the settings name may use the API, all may read pictures."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.servers.redis import run_redis
from tests.support.site import Site, run_site
from tests.support.waiting import LIMIT_S

APP = "https://app.example.org"


@pytest.fixture(scope="module")
def open_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    environment = {"SAFELIGHT_ALLOWED_ORIGINS": f'["{APP}"]'}
    with (
        run_redis() as redis,
        run_site(tmp_path_factory.mktemp("open"), redis_url=redis.url, environment=environment) as running,
    ):
        yield running


def preflight(url: str, origin: str, method: str) -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return httpx.options(url, headers=headers, timeout=LIMIT_S)


@pytest.mark.parametrize(("path", "method"), [("/graphql", "POST"), ("/upload/x", "PUT"), ("/upload/x", "PATCH")])
def test_a_named_origin_may_use_the_api(open_site: Site, path: str, method: str) -> None:
    answer = preflight(open_site.base_url + path, APP, method)

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == APP
    assert method in answer.headers["access-control-allow-methods"]


def test_errors_are_readable_for_a_named_origin(open_site: Site) -> None:
    answer = httpx.put(open_site.base_url + "/upload/x", headers={"Origin": APP}, content=b"x", timeout=LIMIT_S)

    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == APP


def test_another_origin_may_not(open_site: Site) -> None:
    answer = preflight(open_site.base_url + "/graphql", "https://evil.example", "POST")

    assert "access-control-allow-origin" not in answer.headers


def test_pictures_are_for_pages_of_any_origin(open_site: Site) -> None:
    url = f"{open_site.base_url}/f/018f3a9e-8a5b-7c21-9d0e-1f2a3b4c5d6e/webp/small.webp"

    assert preflight(url, "https://evil.example", "GET").headers["access-control-allow-origin"] == "*"
    assert httpx.get(url, headers={"Origin": APP}, timeout=LIMIT_S).headers["access-control-allow-origin"] == "*"
