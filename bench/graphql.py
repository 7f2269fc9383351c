"""Queries over HTTP with an API key: a list of 50 images with 10 fields each, and one image with three (goals Q1, Q2).

    python -m bench.graphql [--rounds 3] [--seconds 4]

One API on core 0, client (wrk, 16 connections) on core 1, loopback, SQLite. Beside it, in turns and on the same file,
the obvious server (`bench.obvious_server`), which must give the same data: as it is, and with strawberry's caches.
Needs wrk.
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from sqlalchemy import select

from app.db.images import insert_image
from app.db.tables import accounts
from app.ids import AccountId, ImageId, make_uuid
from bench.loads import Load, measure, missing_tools
from bench.peers import running
from bench.sites import pin, rss_mib, running_site
from tests.support.library_fixture import columns_of
from tests.support.servers.ports import find_free_port
from tests.support.servers.prepared import API_KEY
from tests.support.site import Site
from tests.support.site_rows import open_rows

CONNECTIONS = 16
IMAGES = 200
LIST = """{ images(first: 50) { nodes {
  id shortId filename title contentType byteSize width height state createdAt
} } }"""
LIST_WITH_ALL = """{ images(first: 50) { totalCount nodes {
  id filename tags createdAt owner { name } album { slug } placeholder { thumbhash }
  variants { family size url }
} } }"""
SMALL = "query ($id: ID!) { image(id: $id) { id filename state } }"
HEADER = f"Authorization: Bearer {API_KEY}"


@dataclass(frozen=True, slots=True)
class Server:
    """One that is asked."""

    name: str
    url: str
    pid: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    missing = [name for name in missing_tools() if name != "nginx"]
    if missing:
        print(f"skipped: needs {', '.join(missing)}")
        return
    with running_site() as site:
        for worker in site.workers:
            worker.stop()
        image_id = asyncio.run(fill(site))
        compare_all(site, image_id, options)


async def fill(site: Site) -> str:
    """Put images into the first account's library; the id of one of them."""
    async with open_rows(site) as database:
        async with database.read() as db:
            owner_id = AccountId((await db.execute(select(accounts.c.id))).scalars().one())
        image_id = ImageId(make_uuid())
        async with database.write() as db:
            for index in range(IMAGES):
                image_id = ImageId(make_uuid())
                await insert_image(db, {"id": image_id, **columns_of(owner_id, index), "title": f"Picture {index}"})
    return str(image_id)


def compare_all(site: Site, image_id: str, options: argparse.Namespace) -> None:
    """Ask all servers everything that they know."""
    command = [sys.executable, "-m", "bench.obvious_server", str(site.data_dir / "safelight.db")]
    ports = find_free_port(), find_free_port()
    with (
        running([*command, str(ports[0])], ports[0]) as plain_pid,
        running([*command, str(ports[1]), "--caches"], ports[1]) as cached_pid,
    ):
        ours = Server("ours", f"{site.base_url}/graphql", site.apis[0].pid)
        pin(ours.pid, 0)
        obvious = Server("obvious", f"http://127.0.0.1:{ports[0]}", plain_pid)
        cached = Server("obvious, caches", f"http://127.0.0.1:{ports[1]}", cached_pid)
        print(f"{CONNECTIONS} connections, {options.rounds} rounds of {options.seconds} s, in turns")
        print(f"{'':37}{'per s':>9}{'per CPU s':>11}{'p50 ms':>9}{'p99 ms':>9}{'ours / it':>11}{'by CPU':>8}")
        compare("50 images x 10", [ours, obvious, cached], {"query": LIST}, options)
        compare("50 images, variants", [ours], {"query": LIST_WITH_ALL}, options)
        variables = {"id": image_id}
        compare("one image x 3", [ours, obvious, cached], {"query": SMALL, "variables": variables}, options)
        print(f"{rss_mib(ours.pid):.0f} MiB in the API")


def compare(name: str, servers: list[Server], body: Mapping[str, object], options: argparse.Namespace) -> None:
    """Check that all give the same data, then ask each in turn as fast as it goes."""
    answers = [httpx.post(server.url, json=body, headers=[_header()]).json() for server in servers]
    assert all("errors" not in answer and answer["data"] == answers[0]["data"] for answer in answers), answers
    posted = json.dumps(body)
    loads: dict[str, list[Load]] = {server.name: [] for server in servers}
    for _ in range(options.rounds):
        for server in servers:
            load = measure(
                server.url, options.seconds, [HEADER], pids=[server.pid], connections=CONNECTIONS, posted=posted
            )
            assert load.bad == 0, load
            loads[server.name].append(load)
    first = loads[servers[0].name]
    for server in servers:
        told = loads[server.name]
        figures = (
            f"{_rate(told):9.0f}{_rate_by_cpu(told):11.0f}{_middle(told, 'p50_ms'):9.2f}{_middle(told, 'p99_ms'):9.2f}"
        )
        shares = f"{_rate(first) / _rate(told):11.2f}{_rate_by_cpu(first) / _rate_by_cpu(told):8.2f}"
        print(f"{name:21}{server.name:16}{figures}{shares if told is not first else ''}", flush=True)


def _header() -> tuple[str, str]:
    name, _, value = HEADER.partition(": ")
    return name, value


def _middle(loads: list[Load], name: str) -> float:
    return float(statistics.median(getattr(load, name) for load in loads))


def _rate(loads: list[Load]) -> float:
    return _middle(loads, "per_second")


def _rate_by_cpu(loads: list[Load]) -> float:
    return _middle(loads, "per_cpu_s")


if __name__ == "__main__":
    main()
