"""A cached 84 KB picture through the whole application, side by side with nginx serving the same file (goals H1, H2).

    python -m bench.delivery [--rounds 5] [--seconds 4]

Server on core 0, client (wrk, 32 connections) on core 1, loopback; the two servers take turns. Needs wrk and nginx.
"""

import argparse
import asyncio
import re
import shutil
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.sites import PHOTO, pin, running_site
from tests.e2e.clients import Client
from tests.e2e.servers import Site
from tests.servers.nginx import run_nginx

CONNECTIONS = 32


@dataclass(frozen=True)
class Load:
    """What wrk measured."""

    per_second: float
    p50_ms: float
    p99_ms: float


def measure(url: str, seconds: int, headers: tuple[str, ...] = ()) -> Load:
    """Ask for one address as fast as it goes."""
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    for header in headers:
        command += ["-H", header]
    told = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    p50, p99 = (re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", told) for share in (50, 99))
    assert rate is not None, told
    assert p50 is not None, told
    assert p99 is not None, told
    return Load(float(rate[1]), _ms(p50), _ms(p99))


def _ms(found: re.Match[str]) -> float:
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


async def publish_picture(site: Site) -> tuple[str, bytes, str]:
    """Address, bytes and ETag of a ready variant of about 84 KB."""
    async with Client(site.base_url) as client:
        wanted = {"profile": "CUSTOM", "derivatives": [{"family": "WEBP", "size": "w1024"}]}
        session = await client.upload(PHOTO.read_bytes(), processing=wanted)
        await client.wait_complete(session.image_id)
        url = session.urls["WEBP", "w1024"]
        answer = await client.http.get(url)
        return url, answer.content, answer.headers["etag"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    missing = [name for name in ("wrk", "taskset") if shutil.which(name) is None]
    if missing:
        print(f"skipped: needs {', '.join(missing)}")
        return
    with running_site() as site:
        url, content, etag = asyncio.run(publish_picture(site))
        for worker in site.workers:
            worker.stop()
        pin(site.apis[0].pid, 0)
        with run_nginx("location / { root html; }") as nginx:
            compare(url, content, etag, nginx.url, nginx.directory, options)


def compare(url: str, content: bytes, etag: str, nginx_url: str, nginx_dir: Path, options: argparse.Namespace) -> None:
    """Interleave the rounds and print a table."""
    root = nginx_dir / "html"
    root.mkdir(exist_ok=True)
    (root / "picture.webp").write_bytes(content)
    pin_nginx(nginx_dir)
    known = "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"
    rows = {"200": ((), ()), "304": ((f"If-None-Match: {etag}",), (known,))}
    print(f"{len(content) // 1024} KB, {CONNECTIONS} connections, {options.rounds} rounds of {options.seconds} s")
    print(f"{'':6}{'nginx/s':>10}{'safelight/s':>13}{'ratio':>8}{'p50 ms':>9}{'p99 ms':>9}")
    for name, (ours_headers, nginx_headers) in rows.items():
        ours, theirs = [], []
        for _ in range(options.rounds):
            theirs.append(measure(f"{nginx_url}/picture.webp", options.seconds, nginx_headers))
            ours.append(measure(url, options.seconds, ours_headers))
        ratio = statistics.median(o.per_second / t.per_second for o, t in zip(ours, theirs, strict=True))
        print(
            f"{name:6}{statistics.median(t.per_second for t in theirs):10.0f}"
            f"{statistics.median(o.per_second for o in ours):13.0f}{ratio:8.2f}"
            f"{statistics.median(o.p50_ms for o in ours):9.2f}{statistics.median(o.p99_ms for o in ours):9.2f}"
        )


def pin_nginx(directory: Path) -> None:
    """Keep nginx on the core of our server."""
    pin(int((directory / "nginx.pid").read_text()), 0)


if __name__ == "__main__":
    main()
