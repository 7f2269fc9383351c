"""Imports that are interrupted: what is left behind, and how the next one goes on with it."""

import asyncio
import json
import signal
import threading
from pathlib import Path

import httpx
import pytest

from tests.support.client import OpenSession
from tests.support.cloudflare_source import cloud_of, image_of
from tests.support.fake_sources import OtherSide, held_after, run_other_side
from tests.support.import_accounts import images_of
from tests.support.import_fixtures import Moving
from tests.support.import_runner import failures
from tests.support.pictures import make_png
from tests.support.residents import Person, Residents

FILES = {f"trips/{index}": make_png(60 + index, 40) for index in range(14)}


async def open_session(new: Residents, person: Person, file_bytes: int, **more: object) -> OpenSession:
    async with new.client(person) as client:
        return await client.open_session(file_bytes, **more)


async def send(new: Residents, person: Person, session: OpenSession, content: bytes) -> httpx.Response:
    async with new.client(person) as client:
        return await client.send(session, content)


def code_of(stderr: str) -> str:
    """Of the one line that says why nothing began."""
    [line] = stderr.splitlines()
    assert line.startswith("safelight: ")
    return line.split()[1]


def count(new: Residents, person: Person) -> int:
    return len(asyncio.run(images_of(new, person)))


class TestInterrupted:
    @pytest.mark.parametrize(
        "end", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.full("the same by another signal"))]
    )
    def test_interrupt_ends_cleanly_and_says_how_to_go_on(
        self, end: signal.Signals, new: Residents, person: Person, moving: Moving
    ) -> None:
        gate = threading.Event()
        with run_other_side(held_after(cloud_of(FILES), 10, gate)) as old:
            mover = moving(old.url, "cloudflare", "--original-only")
            # The gate opens after its end alone: it does not wait for what is on its way.
            status = mover.run_until(5, "--parallel", "2", end=end)
            gate.set()
            rows = len(mover.rows())
            last = mover.finish()

        assert status == 130
        assert rows >= 5
        assert last["there"] == rows
        assert count(new, person) == len(FILES)

    def test_session_of_a_run_that_could_not_note_it_keeps_no_custom_id(
        self, new: Residents, person: Person, moving: Moving
    ) -> None:
        asyncio.run(open_session(new, person, 100, customId="a", filename="a.png", visibility="PUBLIC"))
        with run_other_side(cloud_of({"a": FILES["trips/1"]})) as old:
            last = moving(old.url).finish()

        assert last["moved"] == 1

    def test_custom_id_of_another_upload_under_way_is_left_to_it(
        self, new: Residents, person: Person, moving: Moving
    ) -> None:
        session = asyncio.run(open_session(new, person, 10_000, customId="a", title="Not from there"))
        with run_other_side(cloud_of({"a": FILES["trips/1"]})) as old:
            assert failures(moving(old.url)) == {"a": "CONFLICT"}

        sent = asyncio.run(send(new, person, session, FILES["trips/2"]))
        assert sent.status_code == 201

    @pytest.mark.full("two imports of twelve images; the journal that is there is in `make test`")
    def test_lost_journal_makes_nothing_twice(self, new: Residents, person: Person, moving: Moving) -> None:
        files = dict(list(FILES.items())[:6])
        named = [image_of(name, meta={"n": name}) for name in files]
        # Those without a name of their own are known by their bytes.
        unnamed = [image_of("0f1e2d3c-4b5a-4697-8877-66554433221" + name[-1], meta={"n": name}) for name in files]
        both = files | {image["id"]: make_png(200, 20 + index) for index, image in enumerate(unnamed)}
        with run_other_side(cloud_of(both, images=named + unnamed)) as old:
            mover = moving(old.url)
            first = mover.finish()
            before = mover.rows()
            mover.journal.unlink()
            second = mover.finish()

        assert (first["moved"], second["moved"]) == (12, 12)
        assert count(new, person) == 12
        assert sorted(row["new_id"] for row in mover.rows()) == sorted(row["new_id"] for row in before)


class TestJournal:
    def test_half_a_line_is_cut_off(self, new: Residents, person: Person, moving: Moving) -> None:
        with run_other_side(cloud_of({"a": FILES["trips/1"]})) as old:
            mover = moving(old.url)
            mover.finish()
            whole = mover.journal.read_bytes()
            mover.journal.write_bytes(whole + b'{"event": "moved", "oldId": "b')
            last = mover.finish()

        assert (last["moved"], last["there"]) == (0, 1)
        assert mover.journal.read_bytes() == whole

    def test_account_may_be_reached_at_another_address(self, new: Residents, moving: Moving) -> None:
        elsewhere = new.site.base_url.replace("127.0.0.1", "localhost")
        with run_other_side(cloud_of({"a": FILES["trips/1"]})) as old:
            moving(old.url).finish()
            last = moving(old.url).finish("--to", elsewhere)

        assert (last["moved"], last["there"]) == (0, 1)

    def test_that_of_another_move_is_not_used(self, moving: Moving) -> None:
        with run_other_side(cloud_of({})) as old, run_other_side(cloud_of({})) as another:
            assert moving(old.url).run().returncode == 0
            done = moving(another.url).run()

        assert (done.returncode, code_of(done.stderr)) == (1, "JOURNAL_NOT_USABLE")
        assert old.url in done.stderr

    @pytest.mark.parametrize(
        "content", [b"a shopping list\n", b"[]\n", b'{"event": "begin"}\n', b"\xff\xfe\x00\n", b'{"a": 1}\n{"b": 2}\n']
    )
    def test_file_that_is_no_journal_is_left_as_it_is(self, content: bytes, moving: Moving) -> None:
        with run_other_side(cloud_of({})) as old:
            mover = moving(old.url)
            mover.journal.write_bytes(content)
            done = mover.run()
            dry = mover.run("--dry-run")

        assert (done.returncode, code_of(done.stderr)) == (1, "JOURNAL_NOT_USABLE")
        assert (dry.returncode, code_of(dry.stderr)) == (1, "JOURNAL_NOT_USABLE")
        assert mover.journal.read_bytes() == content

    def test_two_runs_at_once_do_not_share_one(self, moving: Moving) -> None:
        # Files are held back, so that the first run does not end.
        gate = threading.Event()
        with run_other_side(held_after(cloud_of(FILES), 0, gate)) as old:
            mover = moving(old.url, "cloudflare", "--parallel", "1")
            process = mover.start("--json")
            assert process.stdout is not None
            assert '"begin"' in process.stdout.readline()
            done = mover.run()
            process.kill()
            process.communicate()
            gate.set()

        assert (done.returncode, code_of(done.stderr)) == (1, "JOURNAL_NOT_USABLE")
        assert "another import" in done.stderr

    @pytest.mark.parametrize(
        ("option", "name", "code"),
        [
            ("--journal", "/proc/nowhere/journal.jsonl", "JOURNAL_NOT_USABLE"),
            ("--journal", "/dev/full", "JOURNAL_NOT_USABLE"),
            ("--mapping", "/nowhere/mapping.csv", "MAPPING_NOT_WRITTEN"),
        ],
    )
    def test_place_that_cannot_be_written_is_named_before_anything_is_copied(
        self, option: str, name: str, code: str, moving: Moving
    ) -> None:
        with run_other_side(cloud_of({"a": FILES["trips/1"]})) as old:
            done = moving(old.url).run(option, name)

        assert (done.returncode, code_of(done.stderr)) == (1, code)
        assert old.paths == []

    def test_every_line_is_json_and_private_addresses_carry_no_key(
        self, new: Residents, person: Person, moving: Moving
    ) -> None:
        with run_other_side(cloud_of({"a": FILES["trips/1"]})) as old:
            mover = moving(old.url)
            mover.finish()

        text = mover.journal.read_text()
        assert [json.loads(line)["event"] for line in text.splitlines()] == ["begin", "opened", "moved"]
        assert person.key not in text
        assert "old-key" not in text


class TestDryRun:
    def test_it_lists_and_changes_nothing(self, new: Residents, person: Person, moving: Moving, tmp_path: Path) -> None:
        images = [image_of("a\tb", requireSignedURLs=True), image_of("trips/1")]
        with run_other_side(cloud_of(FILES, images=images)) as old:
            mover = moving(old.url)
            done = mover.run("--dry-run")
            asked = asked_files(old)

        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [
            "a\N{REPLACEMENT CHARACTER}b\ta\N{REPLACEMENT CHARACTER}b.png\tprivate\t\t\tto copy",
            "trips/1\ttrips/1.png\tpublic\t\t\tto copy",
        ]
        assert "2 images would be copied." in done.stderr
        assert asked == []
        assert list(tmp_path.iterdir()) == []
        assert count(new, person) == 0

    def test_it_knows_what_is_there(self, moving: Moving) -> None:
        files = {"trips/1": FILES["trips/1"]}
        with run_other_side(cloud_of(files)) as old:
            mover = moving(old.url)
            mover.finish()
            before = mover.journal.read_bytes()
            done = mover.run("--dry-run")

        assert done.stdout == "trips/1\ttrips/1.png\tpublic\t\t\tthere\n"
        assert mover.journal.read_bytes() == before


def asked_files(old: OtherSide) -> list[str]:
    return [path for path in old.paths if path.endswith("/blob")]
