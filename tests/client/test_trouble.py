"""`safelight upload` when something happens in the middle of an upload."""

import itertools
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.pictures import make_jpeg
from tests.support.servers.redis import run_redis
from tests.support.site import Site, run_site
from tests.support.throttled_proxy import Gate, run_gate
from tests.support.upload_command import codes_of, events_of, of_kind, put, start
from tests.support.waiting import LIMIT_S, wait_until


def uploads_left(site: Site) -> list[str]:
    # A running worker's cage has a folder of its own there.
    return [name for name in site.leftovers() if not name.startswith("cage/")]


@dataclass(frozen=True)
class GatedSite:
    """A site whose every address leads through a gate."""

    site: Site
    gate: Gate

    @property
    def url(self) -> str:
        return self.site.base_url


@pytest.fixture(scope="module")
def gated_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatedSite]:
    with run_gate() as gate, run_redis() as redis:
        addresses = {"SAFELIGHT_BASE_URL": f"http://127.0.0.1:{gate.port}"}
        with run_site(tmp_path_factory.mktemp("gated"), redis_url=redis.url, environment=addresses) as site:
            gate.target_port = int(site.apis[0].environment["SAFELIGHT_PORT"])
            yield GatedSite(site, gate)


@pytest.fixture
def gated(gated_site: GatedSite) -> GatedSite:
    """The same for all tests, the gate open."""
    gated_site.gate.reset()
    return gated_site


_widths = itertools.count(700)


class TestTrouble:
    """What happens in the middle of an upload; the gate holds it there."""

    @pytest.fixture
    def photograph(self, tmp_path: Path) -> Path:
        # More than all buffers between the file and the gate can hold; what follows a picture's end is let be.
        # Another one each time, or it would be a duplicate.
        return put(tmp_path, "large.jpg", make_jpeg(next(_widths), 500) + bytes(16_000_000))

    def test_killed_api_that_comes_back_costs_nothing(self, gated: GatedSite, photograph: Path, tmp_path: Path) -> None:
        gated.gate.close_after(600_000)
        process = start(gated.url, "large.jpg", "--json", folder=tmp_path)
        gated.gate.wait_held()

        gated.site.apis[0].kill()
        gated.gate.open()
        gated.site.apis[0].start()
        gated.site.wait_ready()
        out, err = process.communicate(timeout=LIMIT_S)

        events = events_of(out)
        assert (process.returncode, err) == (0, "")
        assert {event["code"] for event in of_kind(events, "tryingAgain")} >= {"UNREACHABLE"}
        assert {variant["state"] for variant in of_kind(events, "done")[0]["variants"]} == {"READY"}
        wait_until(lambda: uploads_left(gated.site) == [])

    def test_broken_connection_is_made_again(self, gated: GatedSite, photograph: Path, tmp_path: Path) -> None:
        gated.gate.close_after(600_000)
        process = start(gated.url, "large.jpg", "--json", folder=tmp_path)
        gated.gate.wait_held()

        gated.gate.open()
        gated.gate.cut()
        out, _ = process.communicate(timeout=LIMIT_S)

        [done] = of_kind(events_of(out), "done")
        assert process.returncode == 0
        assert done["duplicate"] is False

    async def test_ctrl_c_cancels_the_open_session_and_says_so(
        self, gated: GatedSite, photograph: Path, tmp_path: Path
    ) -> None:
        gated.gate.close_after(600_000)
        process = start(gated.url, "large.jpg", "--json", folder=tmp_path)
        gated.gate.wait_held()

        gated.gate.drain()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)

        end = events_of(out)[-1]
        assert (process.returncode, err) == (130, "")
        assert (end["interrupted"], end["cancelled"]) == (True, ["large.jpg"])
        image_id = of_kind(events_of(out), "opened")[0]["imageId"]
        with pytest.raises(Exception, match="UPLOAD_EXPIRED"):
            async with Client(gated.url) as client:
                await client.wait_complete(image_id)

    def test_ctrl_c_tells_people(self, gated: GatedSite, photograph: Path, tmp_path: Path) -> None:
        gated.gate.close_after(600_000)
        process = start(gated.url, "large.jpg", folder=tmp_path)
        gated.gate.wait_held()

        gated.gate.drain()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT_S)

        assert err.splitlines()[-1].startswith("Interrupted: 0 images in ")
        assert err.splitlines()[-1].endswith("1 open session was cancelled.")

    @pytest.mark.parametrize(
        "change",
        [
            "rewrite",
            pytest.param("append", marks=pytest.mark.full("as a file that is rewritten")),
            pytest.param("truncate", marks=pytest.mark.full("as a file that is rewritten")),
        ],
    )
    def test_file_that_changes_while_it_is_sent_is_not_stored(
        self, gated: GatedSite, photograph: Path, tmp_path: Path, change: str
    ) -> None:
        gated.gate.close_after(200_000)
        process = start(gated.url, "large.jpg", "--json", folder=tmp_path)
        gated.gate.wait_held()

        change_file(photograph, change)
        gated.gate.open()
        out, _ = process.communicate(timeout=LIMIT_S)

        assert codes_of(events_of(out)) == {"large.jpg": "FILE_CHANGED"}
        assert process.returncode == 1
        wait_until(lambda: uploads_left(gated.site) == [])


def change_file(path: Path, change: str) -> None:
    match change:
        case "append":
            with path.open("ab") as file:
                file.write(b"more")
        case "truncate":
            os.truncate(path, path.stat().st_size // 2)
        case "rewrite":
            content = path.read_bytes()
            path.write_bytes(content[:-1000] + bytes(1000))
