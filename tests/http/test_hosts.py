"""Where pictures are on a host, by SAFELIGHT_BASE_URL, SAFELIGHT_CDN_URL and `Host`."""

import pytest
from starlette.types import Scope

from app.domain.addresses import PictureRoot
from app.routes.hosts import PictureHosts
from app.settings import InvalidSettings, Settings, load_settings

BASE = "https://img.example.org"


def ask(path: str, host: str = "img.example.org", *, accept: str | None = None, method: str = "GET") -> Scope:
    headers = [(b"host", host.encode())] + ([(b"accept", accept.encode())] if accept else [])
    return {"type": "http", "method": method, "path": path, "headers": headers}


@pytest.mark.parametrize(
    ("base_url", "cdn_url", "prefixes"),
    [
        (BASE, f"{BASE}/cdn", [("cdn",)]),
        (BASE, f"{BASE}/pics", [("pics",), ("cdn",)]),
        (BASE, f"{BASE}/a/b", [("a", "b"), ("cdn",)]),
        (f"{BASE}/safelight", f"{BASE}/safelight/cdn", [("cdn",)]),
        (f"{BASE}/safelight", f"{BASE}/safelight/pics", [("pics",), ("cdn",)]),
        (BASE, "https://cdn.example.org", [("cdn",)]),
    ],
)
def test_pictures_lie_below_the_servers_own_address(base_url: str, cdn_url: str, prefixes: list[tuple[str]]) -> None:
    hosts = PictureHosts(base_url=base_url, cdn_url=cdn_url)

    assert hosts.roots(ask("/")) == [PictureRoot(cdn_prefix=prefix) for prefix in prefixes]
    assert all(hosts.is_picture(ask(f"/{'/'.join(prefix)}/x")) for prefix in prefixes)
    assert not hosts.is_picture(ask("/graphql"))


@pytest.mark.parametrize(
    ("cdn_url", "prefix"), [("https://cdn.example.org", ()), ("https://cdn.example.org/x", ("x",))]
)
def test_a_host_of_their_own_has_nothing_else(cdn_url: str, prefix: tuple[str, ...]) -> None:
    hosts = PictureHosts(base_url=BASE, cdn_url=cdn_url)
    there = ask("/graphql", "cdn.example.org")

    assert hosts.roots(there) == [PictureRoot(is_cdn_host=True, cdn_prefix=prefix)]
    assert hosts.is_picture(there)
    assert not hosts.is_page(ask("/i/0aB1cD2eF3", "cdn.example.org", accept="text/html"))


def test_of_several_hosts_the_last_counts_as_everywhere() -> None:
    hosts = PictureHosts(base_url=BASE, cdn_url="https://cdn.example.org")
    scope = ask("/graphql", "cdn.example.org")
    scope["headers"].append((b"host", b"img.example.org"))

    assert not hosts.is_cdn(scope)


def test_a_page_is_one_segment_below_i_for_those_who_read() -> None:
    hosts = PictureHosts(base_url=BASE, cdn_url=f"{BASE}/cdn")

    assert hosts.is_page(ask("/i/0aB1cD2eF3", accept="text/html"))
    assert not hosts.is_page(ask("/i/0aB1cD2eF3", accept="image/webp"))
    assert not hosts.is_page(ask("/i/0aB1cD2eF3/small", accept="text/html"))
    assert not hosts.is_page(ask("/i/0aB1cD2eF3", accept="text/html", method="POST"))


@pytest.mark.parametrize("cdn_url", ["http://127.0.0.1:8000", "http://127.0.0.1:8000/"])
def test_pictures_at_the_servers_own_root_are_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, cdn_url: str
) -> None:
    monkeypatch.setenv("SAFELIGHT_CDN_URL", cdn_url)

    with pytest.raises(InvalidSettings, match="SAFELIGHT_CDN_URL must have a host of its own, or a path"):
        load_settings()
    assert Settings(cdn_url=f"{cdn_url.rstrip('/')}/cdn").public_cdn_url.endswith("/cdn")
