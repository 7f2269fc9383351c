"""Pictures through the whole application, side by side with nginx sending the same bytes (goals H1 to H4), and peers.

    python -m bench.delivery [--rounds 5] [--seconds 3] [--only hit,304,…] [--no-peers]

Servers on core 0, client (wrk, 32 connections) on core 1, loopback; they take turns. `of nginx` is the median of the
rounds' ratios of requests a second, `CPU` the same of processor time, which a busy machine spoils less. Needs wrk and
nginx.
"""

import argparse
import asyncio
import contextlib
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.loads import Load, measure, missing_tools
from bench.peers import NotHere, ipx_path, running_ipx, running_thumbor, thumbor_path
from bench.sites import CORPUS, PHOTO, pin, running_site
from tests.support.servers.deployed_nginx import run_deployed_nginx
from tests.support.servers.nginx import run_nginx
from tests.support.servers.ports import find_free_port
from tests.support.site import Program, Site

WANTED_BYTES = 84 * 1024
PRESET = """mutation ($width: Int!) {
  createVariantPreset(input: {name: "near84k", fit: SCALE_DOWN, width: $width}) { preset { name } }
}"""
SIGNED = 'query ($id: ID!) { image(id: $id) { signedUrl(family: WEBP, size: "near84k") { url } } }'
WIDTH_PX = 730
"""Of p12-train as WebP: about 84 KB."""
PEER_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Shown:
    """What is asked for."""

    small: str
    small_bytes: bytes
    etag: str
    signed: str
    large: str
    large_bytes: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: ours against nginx."""

    name: str
    ours: str
    pids: Sequence[int]
    theirs: str
    headers: Sequence[str] = ()
    their_headers: Sequence[str] = ()


async def publish(site: Site) -> Shown:
    """A public and a private variant of about 84 KB, and an original of 2.8 MB."""
    async with site.client() as client:
        await client.ask(PRESET, width=WIDTH_PX)
        wanted = {"profile": "CUSTOM", "derivatives": [{"family": "WEBP", "size": "near84k"}]}
        content = PHOTO.read_bytes()
        public = await client.upload(content, processing=wanted)
        private = await client.upload(content, processing=wanted, visibility="PRIVATE")
        large = await client.upload((CORPUS / "photos" / "p10-squoosh.jpg").read_bytes(), processing=wanted)
        for session in (public, private, large):
            await client.wait_complete(session.image_id)
        small_url, large_url = public.urls["WEBP", "near84k"], large.urls["ORIGINAL", "original"]
        small, whole = await client.http.get(small_url), await client.http.get(large_url)
        signed = (await client.ask(SIGNED, id=private.image_id))["image"]["signedUrl"]["url"]
        return Shown(small_url, small.content, small.headers["etag"], signed, large_url, whole.content)


@contextlib.contextmanager
def accelerated(site: Site) -> Iterator[tuple[str, Sequence[int]]]:
    """A second API on the same data, with nginx in front that sends for it; both on core 0."""
    port = find_free_port()
    environment = {**site.environment, "SAFELIGHT_PORT": str(port), "SAFELIGHT_DELIVERY": "accel"}
    api = Program("api", environment, site.data_dir / "api-accel.log")
    api.start()
    second = Site(f"http://127.0.0.1:{port}", site.data_dir, environment, [api], api_urls=[f"http://127.0.0.1:{port}"])
    try:
        second.wait_ready()
        with run_deployed_nginx(api_port=port, objects_dir=site.data_dir / "objects") as nginx:
            for pid in (api.pid, nginx.pid):
                pin(pid, 0)
            yield nginx.url, (api.pid, nginx.pid)
    finally:
        api.stop()


def rows_of(shown: Shown, site: Site, static_url: str, front: tuple[str, Sequence[int]]) -> list[Row]:
    """What is compared."""
    small, large = f"{static_url}/small.webp", f"{static_url}/large.jpg"
    api, (front_url, front_pids) = [site.apis[0].pid], front
    part = ("Range: bytes=1000-2023",)
    modified = ("If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT",)
    return [
        Row("hit", shown.small, api, small),
        Row("304", shown.small, api, small, (f"If-None-Match: {shown.etag}",), modified),
        Row("range", shown.small, api, small, part, part),
        Row("signed", shown.signed, api, small),
        Row("stream", shown.large, api, large),
        Row("accel", front_url + urlsplit(shown.large).path, front_pids, large),
        Row("cached", front_url + urlsplit(shown.small).path, front_pids, small),
    ]


def compare(row: Row, nginx_pid: int, options: argparse.Namespace) -> None:
    """Interleave the rounds and print a line."""
    pairs: list[tuple[Load, Load]] = []
    for _ in range(options.rounds):
        theirs = measure(row.theirs, options.seconds, row.their_headers, pids=[nginx_pid])
        pairs.append((measure(row.ours, options.seconds, row.headers, pids=row.pids), theirs))

    def middle(value: Callable[[Load, Load], float]) -> float:
        return statistics.median(value(ours, theirs) for ours, theirs in pairs)

    bad = sum(ours.bad + theirs.bad for ours, theirs in pairs)
    rates = middle(lambda _, theirs: theirs.per_second), middle(lambda ours, _: ours.per_second)
    ratio = middle(lambda ours, theirs: ours.per_second / theirs.per_second)
    cpu = middle(lambda ours, theirs: theirs.cpu_us / max(ours.cpu_us, 0.01))
    p50_ms, p99_ms = middle(lambda ours, _: ours.p50_ms), middle(lambda ours, _: ours.p99_ms)
    line = f"{row.name:8}{rates[0]:10.0f}{rates[1]:10.0f}{ratio:10.2f}{cpu:7.2f}{p50_ms:9.2f}{p99_ms:9.2f}"
    print(f"{line}  {bad} bad" if bad else line, flush=True)


def compare_peers(shown: Shown, options: argparse.Namespace) -> None:
    """The same picture from thumbor, with its results on disk, and from ipx, which has no cache."""
    photos = PHOTO.parent
    print(f"\n{'peer':8}{'peer/s':>10}{'ours/s':>10}{'ours is':>10}{'p99 ms':>9}   {PEER_CONNECTIONS} connections")
    with tempfile.TemporaryDirectory(prefix="safelight-peers-") as folder:
        peers = {
            "thumbor": (running_thumbor(photos, Path(folder), keeps_results=True), thumbor_path(PHOTO.name, WIDTH_PX)),
            "ipx": (running_ipx(photos), ipx_path(PHOTO.name, WIDTH_PX)),
        }
        for name, (running, path) in peers.items():
            try:
                with running as (url, _pid):
                    rounds = [
                        (
                            measure(url + path, options.seconds, connections=PEER_CONNECTIONS),
                            measure(shown.small, options.seconds, connections=PEER_CONNECTIONS),
                        )
                        for _ in range(options.rounds)
                    ]
            except NotHere as reason:
                print(f"{name:8}skipped: {reason}")
                continue
            theirs, ours = (statistics.median(side.per_second for side in sides) for sides in zip(*rounds, strict=True))
            p99_ms = statistics.median(load.p99_ms for load, _ in rounds)
            print(f"{name:8}{theirs:10.1f}{ours:10.0f}{ours / theirs:9.0f}×{p99_ms:9.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    if missing := missing_tools():
        print(f"skipped: needs {', '.join(missing)}")
        return
    if not PHOTO.exists():
        print("skipped: no photographs (SAFELIGHT_CORPUS)")
        return
    only = set(filter(None, options.only.split(",")))
    with (
        running_site() as site,
        accelerated(site) as front,
        run_nginx("sendfile on; location / { root html; }") as static,
    ):
        shown = asyncio.run(publish(site))
        for worker in site.workers:
            worker.stop()
        (static.directory / "html").mkdir(exist_ok=True)
        (static.directory / "html" / "small.webp").write_bytes(shown.small_bytes)
        (static.directory / "html" / "large.jpg").write_bytes(shown.large_bytes)
        nginx_pid = int((static.directory / "nginx.pid").read_text())
        for pid in (nginx_pid, site.apis[0].pid):
            pin(pid, 0)
        print(f"{len(shown.small_bytes) // 1024} KB and {len(shown.large_bytes) // 1024} KB, {options.rounds} rounds")
        print(f"{'':8}{'nginx/s':>10}{'ours/s':>10}{'of nginx':>10}{'CPU':>7}{'p50 ms':>9}{'p99 ms':>9}")
        for row in rows_of(shown, site, static.url, front):
            if not only or row.name in only:
                compare(row, nginx_pid, options)
        if not options.no_peers:
            compare_peers(shown, options)


if __name__ == "__main__":
    main()
