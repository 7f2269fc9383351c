"""Where imports do not go: nothing there is even connected to."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.container import Container
from app.domain.access import ANONYMOUS, Principal, Scope
from app.errors import SafelightError
from app.fetching.addresses import is_public
from app.fetching.fetcher import Fetcher, FetchRules
from app.fetching.urls import UrlRules
from app.jobs import RenderQueue
from tests.support.fetch_hosts import HOST, Host, redirect, reply
from tests.support.url_import_harness import NOTHING_SAID, PICTURE, Imports

in_session = pytest.mark.asyncio(loop_scope="session")


@in_session
async def test_no_url_of_the_corpus_is_connected_to(
    container: Container, queue: RenderQueue, owner: Principal, host: Host, canary: Host, corpus: Path
) -> None:
    # The canary's port is allowed, so that nothing but the address can be what refuses it.
    imports = Imports(container, queue, owner, host.port, canary.port, 80, 443)
    texts: list[str] = json.loads((corpus / "hostile" / "ssrf" / "ssrf_urls_a.json").read_text())
    urls = [text.replace("{P}", str(canary.port)) for text in texts]
    outcomes = {}
    # As a redirect this one says no more than "here again".
    circles = {host.url(f"/{urls.index('http://')}")}

    for number, url in enumerate(urls):
        # Given as it is, and as what a public host leads to.
        for asked in (url, host.will(f"/{number}", redirect(url.replace("\r\n", " ")))):
            try:
                session, _ = await imports.run(asked)
                outcomes[asked] = session.error_code
            except (SafelightError, UnicodeEncodeError) as error:
                outcomes[asked] = error.code.value if isinstance(error, SafelightError) else "?"

    assert {url for url, code in outcomes.items() if code != "URL_NOT_ALLOWED"} == circles
    assert canary.connections == 0
    assert {path for path, _ in host.requests} == {f"/{number}" for number in range(len(urls))}


@in_session
async def test_an_open_and_a_closed_inner_port_look_the_same(imports: Imports, canary: Host, free_port: int) -> None:
    imports = Imports(imports.container, imports.queue, imports.owner, canary.port, free_port)

    open_port, _ = await imports.run(f"http://127.0.0.1:{canary.port}/")
    closed_port, _ = await imports.run(f"http://127.0.0.1:{free_port}/")
    unknown, _ = await imports.run(f"http://no-such-name.invalid:{free_port}/")

    told = {(session.error_code, session.error_message) for session in (open_port, closed_port, unknown)}
    assert told == {("URL_NOT_ALLOWED", "The URL leads to no host of the public internet.")}


@in_session
async def test_what_is_judged_is_what_is_connected_to(host: Host) -> None:
    judged = []

    def judge(address: str) -> bool:
        judged.append(address)
        return True

    fetcher = Fetcher(FetchRules(judge, UrlRules(frozenset({host.port}))))
    host.will("/", reply(200, PICTURE))

    async with fetcher.open(host.url("/"), max_bytes=10**6) as file:
        content = b"".join([chunk async for chunk in file.chunks])

    # One look-up, one judgement, one connection: there is no second answer that a name server could give.
    assert (judged, host.connections, content) == ([HOST], 1, PICTURE)


NOT_PUBLIC = (
    "0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 169.254.169.254 172.31.255.255 192.0.0.8 192.168.1.1 198.19.0.1 224.0.0.251 "
    "240.0.0.1 255.255.255.255 192.88.99.1 :: ::1 ::127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b:1::1 100::1 "
    "2001::1 2001:db8::1 2002:7f00:1:: 3fff::1 5f00::1 fc00::1 fd12::1 fe80::1 fe80::1%lo fec0::1 ff02::1 "
    "localhost 127.1 1.2.3 x"
)


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00::1"])
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


@in_session
@pytest.mark.parametrize(
    "url",
    ["", "http://", "ftp://a.example/", "http://a.example:22/", "https://a.example:80443/", "http://u@a.example/", "http://:p@a.example/",
     "http://a.example/\x00", "http://a.example/\ud800", "http://a b.example/", "http://a.example\\@b.example/", "http://[::1/",
     "http://a.example:port/", f"http://a.example/{'x' * 4096}", "javascript:1", "http:a.example", "http://%31%32%37.0.0.1/"],
)  # fmt: skip
async def test_a_url_that_never_works_opens_no_session(container: Container, owner: Principal, url: str) -> None:
    with pytest.raises(SafelightError) as refusal:
        await container.services.imports.open(owner, url, NOTHING_SAID)

    assert (refusal.value.code.value, refusal.value.details) == ("URL_NOT_ALLOWED", {"field": "url"})
    assert await container.importer.list_waiting(limit=9) == []


@in_session
async def test_opening_needs_the_scope(container: Container, owner: Principal) -> None:
    reader = replace(owner, scopes=frozenset({Scope.IMAGES_READ}))
    codes = []

    for caller in (ANONYMOUS, reader):
        with pytest.raises(SafelightError) as refusal:
            await container.services.imports.open(caller, "file:///", NOTHING_SAID)
        codes.append(refusal.value.code.value)

    assert codes == ["UNAUTHORIZED", "FORBIDDEN"]
