"""Signed addresses: what we sign Cloudflare's JavaScript accepts, and the other way round; any change is refused."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.signatures import is_signed, sign, verify
from tests.support.docs_pages import blocks
from tests.support.paths import ROOT
from tests.support.servers.programs import find_node
from tests.support.waiting import LIMIT_S

IMPORT = 'import { createHmac } from "node:crypto";\n'
SCRIPT = ROOT / "tests" / "node" / "signatures.mjs"
HOST = "https://img.example.org"
PATH = "/f/018f3a9e-8a5b-7c21-9d0e-1f2a3b4c5d6e/webp/small.webp"
ID = "018f3a9e-8a5b-7c21-9d0e-1f2a3b4c5d6e"
# One of each kind of address, with what a browser leaves of odd signs in a path.
PATHS = [
    PATH,
    f"/_{'aB3' * 7}/{ID}/public",
    f"/_{'aB3' * 7}/trips/2024/B%C3%B6rse/w=400,h=300,fit=cover,gravity=0.5x0.3",
    f"/cdn-cgi/imagedelivery/_{'aB3' * 7}/a%252Fb/public",
    f"/t/{ID}/w=40,rotate=90,blur=2.5.webp",
    "/alice/_/a%20%22b%22%20%C3%A9+~!$&'()*,;=:@.jpg/w512",
    "/cdn/alice/trip/beach/w512",
    "/i/0aB1cD2eF3/small",
    f"/image/{ID}.webp",
    f"/images/{ID}/blob",
    f"/albums/{ID}.zip",
]
KEY, OTHER_KEY = "a" * 64, "b" * 64
NOW_S = 1_800_000_000

queries = st.lists(
    st.tuples(st.text("abcvw", min_size=1, max_size=4), st.text("abc019", max_size=6)).map("=".join), max_size=4
).map("&".join)


@pytest.fixture(scope="module")
def node() -> str:
    """Without any package: the script needs none."""
    return find_node().binary


@dataclass(frozen=True)
class Signer:
    """Cloudflare's JavaScript, in one process for all questions."""

    process: subprocess.Popen[str]

    def ask(self, *question: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(question), file=self.process.stdin, flush=True)
        return self.process.stdout.readline().removesuffix("\n")


@pytest.fixture(scope="module")
def signer(node: str) -> Iterator[Signer]:
    with subprocess.Popen([node, SCRIPT], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Signer(process)


@pytest.mark.parametrize("query", ["", "v=0123456789abcdef", "download=1&wait=5", "text=a+b%2Fc&x=%C3%BC"])
def test_what_cloudflares_javascript_signs_is_accepted(signer: Signer, query: str) -> None:
    address = HOST + PATH + (f"?{query}" if query else "")

    signed = signer.ask("sign", address, KEY, str(NOW_S + 60))

    assert verify(signed.removeprefix(HOST), [OTHER_KEY, KEY], now_s=NOW_S) == NOW_S + 60


@pytest.mark.parametrize("query", ["", "v=0123456789abcdef", "download=1&wait=5"])
def test_what_we_sign_cloudflares_javascript_accepts(signer: Signer, query: str) -> None:
    signed = sign(PATH, query, key=KEY, expires_at_s=NOW_S + 60)

    assert signer.ask("verify", HOST + signed, KEY) == "good"
    assert signer.ask("verify", HOST + signed, OTHER_KEY) == "bad"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("query", ["", "v=1", "w=300&h=100&crop=true"])
def test_both_sign_every_kind_of_address_alike_to_the_last_byte(signer: Signer, path: str, query: str) -> None:
    theirs = signer.ask("sign", f"{HOST}{path}" + (f"?{query}" if query else ""), KEY, str(NOW_S))

    assert theirs == HOST + sign(path, query, key=KEY, expires_at_s=NOW_S)
    assert verify(theirs.removeprefix(HOST), [KEY], now_s=NOW_S) == NOW_S
    assert signer.ask("verify", theirs, KEY) == "good"


@given(queries, st.integers(0, 10**9))
def test_what_is_signed_is_good_until_its_time_and_no_longer(query: str, left_s: int) -> None:
    signed = sign(PATH, query, key=KEY, expires_at_s=NOW_S + left_s)

    assert is_signed(signed.partition("?")[2])
    assert verify(signed, [KEY], now_s=NOW_S) == NOW_S + left_s
    assert verify(signed, [KEY], now_s=NOW_S + left_s + 1) is None


@given(queries, st.data())
def test_any_changed_character_is_refused(query: str, data: st.DataObject) -> None:
    signed = sign(PATH, query, key=KEY, expires_at_s=NOW_S + 60)
    at = data.draw(st.integers(0, len(signed) - 1))
    other = data.draw(st.sampled_from([chr(code) for code in range(33, 127) if chr(code) != signed[at]]))

    assert verify(signed[:at] + other + signed[at + 1 :], [KEY], now_s=NOW_S) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda signed: f"{signed}&download=1",
        lambda signed: f"{signed}&exp={NOW_S + 999}",
        lambda signed: signed.replace("exp=", "exp=0"),
        lambda signed: signed + "&" + signed.partition("&")[2],
        lambda signed: signed.upper(),
        lambda signed: signed.replace("sig=", "SIG="),
        lambda signed: signed.partition("&sig=")[0],
        lambda signed: signed.partition("&sig=")[0] + "&sig=",
        lambda signed: signed.partition("&sig=")[0] + "&sig=%ZZ\udcff",
        lambda signed: signed[:-1],
        lambda signed: signed + "0",
        lambda signed: "?" + signed.partition("?")[2],
    ],
)
def test_forgeries_are_refused(change: object) -> None:
    assert callable(change)
    signed = sign(PATH, "", key=KEY, expires_at_s=NOW_S + 60)

    assert verify(str(change(signed)), [KEY], now_s=NOW_S) is None
    assert verify(signed, [], now_s=NOW_S) is None
    assert verify(signed, [OTHER_KEY], now_s=NOW_S) is None


@pytest.mark.parametrize("expiry", ["", "soon", "-1", "1e12", "9" * 13, "１８００００００９９"])
def test_a_time_that_is_no_time_is_refused_even_where_it_was_signed(expiry: str) -> None:
    good = sign(PATH, f"e={expiry}", key=KEY, expires_at_s=0).replace("&exp=0", "").replace("?e=", "?exp=")

    assert verify(good, [KEY], now_s=NOW_S) is None


def test_the_lines_in_the_docs_sign_what_is_accepted(node: str, tmp_path: Path) -> None:
    with_node, with_web_crypto = blocks(ROOT / "docs" / "delivery.md", "js")
    start, rest = with_node.removeprefix(IMPORT).split('url.searchParams.set("sig"')
    scripts = {"node.mjs": with_node, "web.mjs": start + with_web_crypto + rest.partition("\n")[2]}

    for name, script in scripts.items():
        (tmp_path / name).write_text(script)
        address = f"{HOST}/f/a%20b/beach.jpg?w=300&v=1%2C2"
        command = [node, str(tmp_path / name), address, KEY]
        signed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LIMIT_S).stdout.strip()

        assert signed.startswith(f"{address}&exp=")
        assert verify(signed.removeprefix(HOST), [KEY], now_s=time.time()) is not None, name
