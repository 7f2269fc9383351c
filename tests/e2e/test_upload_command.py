"""`safelight upload` against running servers: the way it goes, and every way it goes wrong."""

import asyncio
import contextlib
import os
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx

from tests.support.pictures import make_jpeg, make_png
from tests.support.scenario import ask
from tests.support.site import Site
from tests.support.upload_command import (
    ESCAPE,
    codes_of,
    events_of,
    of_kind,
    put,
    upload,
    upload_as_process,
    upload_on_terminal,
)
from tests.support.waiting import LIMIT_S

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class TestGoodFiles:
    def test_all_variants_of_all_files_are_served_at_the_printed_urls(self, site: Site, tmp_path: Path) -> None:
        put(tmp_path, "beach.jpg", make_jpeg(640, 480))
        put(tmp_path, "logo.png", make_png(641, 480))

        done = upload(site.base_url, "beach.jpg", "logo.png", folder=tmp_path, key=site.key)

        assert done.returncode == 0, done.stderr
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        assert {(name, variant) for name, variant, _, _ in lines} >= {
            ("beach.jpg", "original:original"),
            ("beach.jpg", "webp:medium"),
            ("logo.png", "avif:small"),
        }
        assert {state for _, _, state, _ in lines} == {"READY"}
        assert {httpx.get(url, timeout=LIMIT_S).status_code for _, _, _, url in lines} == {200}

    def test_pipe_gets_no_control_characters(self, site: Site, tmp_path: Path) -> None:
        put(tmp_path, "red\x1b[31m\t\u202ename.jpg", make_jpeg(642, 480))

        done = upload_as_process(site.base_url, tmp_path, folder=tmp_path, SAFELIGHT_KEY=site.key)

        assert done.returncode == 0, done.stderr
        assert CONTROL.search(done.stdout + done.stderr) is None
        assert "\u202e" not in done.stdout + done.stderr
        assert {line.count("\t") for line in done.stdout.splitlines()} == {3}

    def test_terminal_shows_bars_within_it_and_then_whole_addresses(self, site: Site, tmp_path: Path) -> None:
        put(tmp_path, "a-name-that-is-much-longer-than-its-place-on-a-terminal.jpg", make_jpeg(643, 480))
        put(tmp_path, "short.jpg", make_jpeg(644, 480))

        status, drawn = upload_on_terminal(site.base_url, "short.jpg", ".", folder=tmp_path, key=site.key, columns=60)

        text = ESCAPE.sub("", drawn)
        assert status == 0, text
        assert "2 of 2 files" in text or "1 of 2 files" in text
        bars, addresses = text.split("short.jpg  644×480")
        assert max(len(line.rstrip()) for line in re.split(r"[\r\n]+", bars) if "/f/" not in line) <= 60
        found = re.findall(r"^ +500×37\d +[\d.]+ k?B  (http://\S+/webp/medium\.webp)\r?$", addresses, re.MULTILINE)
        assert [httpx.get(url, timeout=LIMIT_S).status_code for url in found] == [200]
        assert addresses.count(f"{site.base_url}/f/") == addresses.count("/f/")

    def test_same_bytes_again_are_marked_as_duplicate(self, site: Site, tmp_path: Path) -> None:
        put(tmp_path, "one.jpg", make_jpeg(645, 480))
        first = upload(site.base_url, "one.jpg", "--json", folder=tmp_path, key=site.key)
        put(tmp_path, "two.jpg", make_jpeg(645, 480))

        second = upload(site.base_url, "two.jpg", "--json", folder=tmp_path, key=site.key)
        third = upload(site.base_url, "two.jpg", folder=tmp_path, key=site.key)

        assert " as image " not in third.stderr
        assert re.search(r"^two\.jpg: \d+ variants, was there already$", third.stderr, re.MULTILINE)
        before, after = of_kind(events_of(first.stdout), "done")[0], of_kind(events_of(second.stdout), "done")[0]
        assert (before["duplicate"], after["duplicate"]) == (False, True)
        assert after["imageId"] == before["imageId"]
        assert second.returncode == 0

    def test_wishes_reach_the_image(self, site: Site, tmp_path: Path) -> None:
        put(tmp_path, "wish.jpg", make_jpeg(646, 480))

        done = upload(
            site.base_url, "wish.jpg", "--json", "--private", "--title", "T", "--alt", "A", "--tag", "x", "--tag", "y",
            "--derivative", "webp:w256", "--derivative", "JPEG:thumb", folder=tmp_path, key=site.key,
        )  # fmt: skip

        ended = of_kind(events_of(done.stdout), "done")[0]
        assert {(v["family"], v["size"]) for v in ended["variants"]} == {
            ("ORIGINAL", "original"), ("WEBP", "w256"), ("JPEG", "thumb"),
        }  # fmt: skip
        query = "query ($id: ID!) { image(id: $id) { visibility title alt tags filename } }"
        answer = asyncio.run(ask(site.base_url, site.key, query, id=ended["imageId"]))
        assert answer["image"] == {
            "visibility": "PRIVATE", "title": "T", "alt": "A", "tags": ["x", "y"], "filename": "wish.jpg",
        }  # fmt: skip

    def test_original_only_without_waiting_ends_with_the_original_there(self, site: Site, tmp_path: Path) -> None:
        put(tmp_path, "only.jpg", make_jpeg(647, 480))

        done = upload(site.base_url, "only.jpg", "--original-only", "--no-wait", folder=tmp_path, key=site.key)

        [line] = done.stdout.splitlines()
        assert done.returncode == 0
        assert httpx.get(line.split("\t")[3], timeout=LIMIT_S).status_code == 200

    def test_folder_means_the_pictures_inside(self, site: Site, tmp_path: Path) -> None:
        put(tmp_path, "trip/a.jpg", make_jpeg(648, 480))
        put(tmp_path, "trip/deeper/B.JPG", make_jpeg(649, 480))
        put(tmp_path, "trip/notes.txt", b"not a picture")
        put(tmp_path, "trip/.thumbnails/c.jpg", make_jpeg(650, 480))

        done = upload(site.base_url, "trip", "trip/a.jpg", "--json", "--no-wait", folder=tmp_path, key=site.key)

        ended = of_kind(events_of(done.stdout), "done")
        assert sorted(event["file"] for event in ended) == ["trip/a.jpg", "trip/deeper/B.JPG"]
        assert done.returncode == 0

    def test_twenty_files_go_sixteen_at_once(self, site: Site, tmp_path: Path) -> None:
        for index in range(20):
            put(tmp_path, f"{index}.png", make_png(40 + index, 30))

        options = ("--json", "--parallel", "16", "--derivative", "webp:small")
        done = upload(site.base_url, ".", *options, folder=tmp_path, key=site.key)

        events = events_of(done.stdout)
        assert (done.returncode, events[-1]["good"], events[-1]["failed"]) == (0, 20, 0)
        assert len(of_kind(events, "variant")) == 40


class TestBadFiles:
    def test_each_bad_file_is_told_with_its_code_and_keeps_none_from_the_server(
        self, site: Site, tmp_path: Path
    ) -> None:
        put(tmp_path, "good.jpg", make_jpeg(660, 480))
        put(tmp_path, "text.jpg", b"This is no picture at all.")
        put(tmp_path, "empty.jpg", b"")
        put(tmp_path, "broken.png", make_png(300, 200)[:200])
        (tmp_path / "loop.jpg").symlink_to("loop.jpg")
        (tmp_path / "nothing").mkdir()
        os.mkfifo(tmp_path / "pipe.jpg")
        names = ["text.jpg", "empty.jpg", "broken.png", "loop.jpg", "nothing", "pipe.jpg", "*.tiff", "good.jpg"]

        done = upload(site.base_url, *names, "--json", folder=tmp_path, key=site.key)

        events = events_of(done.stdout)
        assert codes_of(events) == {
            "text.jpg": "INVALID_FILE_TYPE",
            "empty.jpg": "FILE_EMPTY",
            "broken.png": "INVALID_IMAGE",
            "loop.jpg": "FILE_NOT_READABLE",
            "nothing": "NO_PICTURES",
            "pipe.jpg": "FILE_NOT_READABLE",
            "*.tiff": "FILE_NOT_FOUND",
        }
        assert [event["file"] for event in of_kind(events, "done")] == ["good.jpg"]
        assert done.returncode == 1

    def test_people_read_code_and_sentence(self, site: Site, tmp_path: Path) -> None:
        put(tmp_path, "text.jpg", b"This is no picture at all.")

        done = upload(site.base_url, "text.jpg", folder=tmp_path, key=site.key)

        assert "text.jpg: failed: INVALID_FILE_TYPE  This is no JPEG" in done.stderr
        assert done.stderr.splitlines()[-1].startswith("0 images, 1 failed in ")
        assert (done.stdout, done.returncode) == ("", 1)

    def test_unknown_size_is_refused_by_the_server(self, site: Site, tmp_path: Path) -> None:
        put(tmp_path, "a.jpg", make_jpeg(661, 480))

        done = upload(site.base_url, "a.jpg", "--json", "--derivative", "webp:w777", folder=tmp_path, key=site.key)

        assert codes_of(events_of(done.stdout)) == {"a.jpg": "DERIVATIVE_NOT_ALLOWED"}


class TestNoServer:
    def test_wrong_key_is_one_line(self, site: Site, tmp_path: Path) -> None:
        put(tmp_path, "a.jpg", make_jpeg())

        done = upload(site.base_url, "a.jpg", folder=tmp_path, key="sl_" + "x" * 40)

        assert done.stderr.startswith("safelight: UNAUTHORIZED  ")
        assert (len(done.stderr.splitlines()), done.stdout, done.returncode) == (1, "", 1)

    def test_missing_key_says_where_to_get_one(self, tmp_path: Path) -> None:
        done = upload("http://127.0.0.1:1", "a.jpg", folder=tmp_path, key="")

        assert "SAFELIGHT_KEY" in done.stderr
        assert done.returncode == 2

    def test_unreachable_server_is_one_line(self, free_port: int, tmp_path: Path) -> None:
        done = upload(f"http://127.0.0.1:{free_port}", "a.jpg", folder=tmp_path)

        assert done.stderr.startswith(f"safelight: UNREACHABLE  http://127.0.0.1:{free_port} does not answer.")
        assert (len(done.stderr.splitlines()), done.stdout, done.returncode) == (1, "", 1)

    def test_another_server_is_told_apart(self, tmp_path: Path) -> None:
        with stranger() as url:
            done = upload(url, "a.jpg", "--json", folder=tmp_path)

        [event] = events_of(done.stdout)
        assert (event["event"], event["code"], done.returncode) == ("error", "NOT_SAFELIGHT", 1)


@contextlib.contextmanager
def stranger() -> Iterator[str]:
    """A web server that is no Safelight."""

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Welcome!</html>")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the standard library's name)
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
