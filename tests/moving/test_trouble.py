"""`safelight import` from a faulty old system: one line about it, never a hang, never a traceback."""

import asyncio
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cloudflare_source import IMAGES_PATH, cloud_of, envelope, image_of
from tests.support.fake_sources import Answer, Answering, run_other_side
from tests.support.import_accounts import images_of
from tests.support.import_fixtures import Moving
from tests.support.import_runner import Mover, failures
from tests.support.pictures import make_png
from tests.support.residents import Person, Residents
from tests.support.servers.ports import find_free_port
from tests.support.upload_command import ESCAPE, events_of, run_on_terminal

PICTURE = make_png(64, 48)


def always(answer: Answer) -> Answering:
    return lambda path, query: answer


def gave_up(mover: Mover) -> str:
    """The code that a run gives up with, told in one line and nothing else."""
    done = mover.run()
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("Into the account ")]
    [line] = lines
    assert line.startswith("safelight: ")
    return line.removeprefix("safelight: ").split()[0]


def endless(part: bytes) -> Iterator[bytes]:
    return itertools.repeat(part)


WRONG = {
    "page of a website": (Answer(b"<html>Welcome</html>"), "NOT_THIS_SYSTEM"),
    "no key": (Answer(status=401), "OLD_UNAUTHORIZED"),
    "wrong key": (Answer(status=403), "OLD_UNAUTHORIZED"),
    "no such path": (Answer(status=404), "OLD_NOT_FOUND"),
    "moved elsewhere": (Answer(status=301, headers={"Location": "https://new.example.org/"}), "NOT_THIS_SYSTEM"),
    "broken": (Answer(status=500), "OLD_UNREACHABLE"),
    "asks to wait for a day": (Answer(status=429, headers={"Retry-After": "86400"}), "OLD_RATE_LIMITED"),
    "another shape": (envelope([]), "NOT_THIS_SYSTEM"),
    "other types": (envelope({"images": [image_of("a") | {"filename": 3}]}), "NOT_THIS_SYSTEM"),
    "id is no text": (envelope({"images": [image_of("a") | {"id": {"$ne": 1}}]}), "NOT_THIS_SYSTEM"),
    "nested beyond reason": (Answer(b"[" * 1_000_000), "NOT_THIS_SYSTEM"),
    "number beyond reason": (Answer(b"9" * 1_000_000), "NOT_THIS_SYSTEM"),
    "endless JSON": (Answer(endless(b'"' + b"x" * 65_536)), "NOT_THIS_SYSTEM"),
    "compressed": (Answer(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}), "NOT_THIS_SYSTEM"),
    "same page again": (
        envelope({"images": [image_of("a")] * 100, "continuation_token": "same"}),
        "LIST_ENDLESS",
    ),
    "empty pages": (envelope({"images": [], "continuation_token": "next"}), "LIST_ENDLESS"),
}


class TestWrongSystem:
    @pytest.mark.parametrize("kind", list(WRONG))
    def test_what_is_no_such_system_is_told(self, kind: str, moving: Moving) -> None:
        answer, code = WRONG[kind]
        with run_other_side(always(answer)) as old:
            mover = moving(old.url, "cloudflare", "--dry-run")
            done = mover.run("--json")

        last = events_of(done.stdout)[-1]
        assert (done.returncode, last["code"]) == (1, code), done.stdout + done.stderr
        assert done.stderr == ""

    @pytest.mark.parametrize("system", ["pixelflare", "slink", "pixelfox"])
    def test_page_of_a_website_is_no_system_at_all(
        self, system: str, moving: Moving, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        ids = tmp_path_factory.mktemp("ids") / "ids.txt"
        ids.write_text("fd6b0a44-c4bb-4c95-8f48-31d5ec9cc4d8\n")
        more = ("--ids", ids) if system == "pixelfox" else ()
        with run_other_side(always(Answer(b"<html>Welcome</html>"))) as old:
            done = moving(old.url, system, *more).run()

        assert done.returncode == 1
        assert "NOT_THIS_SYSTEM" in done.stderr
        assert "Traceback" not in done.stderr

    def test_old_system_that_is_not_there_is_reported(self, moving: Moving) -> None:
        assert gave_up(moving(f"http://127.0.0.1:{find_free_port()}")) == "OLD_UNREACHABLE"

    def test_new_system_that_is_not_there_is_told_before_the_old_is_asked(
        self, new: Residents, person: Person, moving: Moving
    ) -> None:
        with run_other_side(cloud_of({"a": PICTURE})) as old:
            mover = moving(old.url, "cloudflare", "--to", f"http://127.0.0.1:{find_free_port()}")
            assert gave_up(mover) == "UNREACHABLE"
            wrong_key = moving(old.url, "cloudflare", "--to-key", "sl_wrong")
            assert gave_up(wrong_key) == "UNAUTHORIZED"

        assert old.paths == []


class TestBadFiles:
    def test_each_is_told_keeps_none_from_moving_and_is_tried_again(
        self, new: Residents, person: Person, moving: Moving
    ) -> None:
        bad: dict[str, bytes | Answer] = {
            "text": b"This is no picture at all.",
            "empty": b"",
            "gone": Answer(status=404),
            "forbidden": Answer(status=403),
            "huge": Answer(PICTURE, headers={"X-Padding": "none"}),
            "endless": Answer(endless(bytes(1_000_000))),
            "circle": Answer(status=302, headers={"Location": f"{IMAGES_PATH}/v1/circle/blob"}),
            "elsewhere": Answer(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data/"}),
            "file": Answer(status=302, headers={"Location": "file:///etc/passwd"}),
            "nowhere": Answer(status=302, headers={"Location": "http://[::1"}),
            "packed": Answer(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}),
        }
        files = {"good": PICTURE, **bad, "huge": Answer(endless(bytes(65_536)))}
        with run_other_side(cloud_of(files)) as old:
            mover = moving(old.url)
            found = failures(mover)
            files["text"] = make_png(65, 48)
            again = failures(mover)

        assert found == {
            "text": "INVALID_FILE_TYPE",
            "empty": "OLD_FILE_EMPTY",
            "gone": "OLD_FILE_REFUSED",
            "forbidden": "OLD_FILE_REFUSED",
            "huge": "OLD_FILE_TOO_LARGE",
            "endless": "OLD_FILE_TOO_LARGE",
            "circle": "OLD_FILE_REFUSED",
            "elsewhere": "FOREIGN_HOST",
            "file": "FOREIGN_HOST",
            "nowhere": "OLD_FILE_REFUSED",
            "packed": "OLD_FILE_REFUSED",
        }
        assert again == {name: code for name, code in found.items() if name != "text"}
        assert {image["customId"] for image in asyncio.run(images_of(new, person))} == {"good", "text"}
        assert [row["old_id"] for row in mover.rows()] == ["good", "text"]

    def test_person_is_shown_a_reason_for_each_and_how_to_go_on(self, moving: Moving) -> None:
        with run_other_side(cloud_of({"good": PICTURE, "te\x1b[31mxt": b"no picture"})) as old:
            done = moving(old.url).run()

        assert done.returncode == 1
        assert "te\N{REPLACEMENT CHARACTER}[31mxt: failed: INVALID_FILE_TYPE" in done.stderr
        assert "1 image copied" in done.stderr
        assert "Run the same command again to go on" in done.stderr
        assert "\x1b" not in done.stderr

    def test_busy_old_system_is_waited_for(self, new: Residents, person: Person, moving: Moving) -> None:
        turns = itertools.count()
        good = cloud_of({"a": PICTURE})

        def busy(path: str, query: dict[str, str]) -> Answer:
            # Every other request, of lists and files alike, and each in another way.
            turn = next(turns)
            refusals = [Answer(status=429, headers={"Retry-After": "0"}), Answer(status=503), Answer(status=429)]
            return refusals[turn // 2 % 3] if turn % 2 == 1 else good(path, query)

        with run_other_side(busy) as old:
            assert failures(moving(old.url)) == {}

        assert [image["customId"] for image in asyncio.run(images_of(new, person))] == ["a"]


class TestTerminal:
    def test_bar_stays_within_80_columns_and_a_table_says_what_failed(self, moving: Moving, tmp_path: Path) -> None:
        files = {f"i{index}": make_png(70 + index, 40) for index in range(6)} | {"te\x1b[31mxt": b"no picture"}
        with run_other_side(cloud_of(files)) as old:
            mover = moving(old.url)
            status, drawn = run_on_terminal(mover.command, mover.environment, folder=tmp_path)

        text = ESCAPE.sub("", drawn)
        assert status == 1, text
        assert re.search(r"\d of 7\+? images", text), text
        assert re.search(r"te\N{REPLACEMENT CHARACTER}\[31mxt +INVALID_FILE_TYPE", text), text
        assert "6 images copied" in text
        assert "Old and new addresses" in text
        assert max(len(line.rstrip()) for part in text.split("\r") for line in part.splitlines()) <= 80
