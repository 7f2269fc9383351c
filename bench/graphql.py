"""Queries over HTTP with an API key: a list of 50 images with 10 fields each, and one image with three (goals Q1, Q2).

    python -m bench.graphql [--rounds 3] [--seconds 4]

One API on core 0, client (wrk, 16 connections) on core 1, loopback, SQLite. Needs wrk.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

import httpx
from sqlalchemy import select

from app.db.images import insert_image
from app.db.tables import accounts
from app.ids import AccountId, ImageId, make_uuid
from bench.sites import pin, rss_mib, running_site
from tests.e2e.rows import open_rows
from tests.e2e.servers import API_KEY, Site
from tests.services.shelf import columns_of

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    missing = [name for name in ("wrk", "taskset") if shutil.which(name) is None]
    if missing:
        print(f"skipped: needs {', '.join(missing)}")
        return
    with running_site() as site:
        for worker in site.workers:
            worker.stop()
        image_id = asyncio.run(fill(site))
        pin(site.apis[0].pid, 0)
        print(f"{CONNECTIONS} connections, {options.rounds} rounds of {options.seconds} s")
        print(f"{'':20}{'bytes':>8}{'per s':>9}{'per CPU s':>11}{'p50 ms':>9}{'p99 ms':>9}")
        for name, query, variables in (
            ("50 images x 10", LIST, {}),
            ("50 images, variants", LIST_WITH_ALL, {}),
            ("one image x 3", SMALL, {"id": image_id}),
        ):
            compare(site, name, {"query": query, "variables": variables}, options)
        print(f"{rss_mib(site.apis[0].pid):.0f} MiB in the API")


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


def compare(site: Site, name: str, body: dict[str, object], options: argparse.Namespace) -> None:
    """Check one answer, then ask for it as fast as it goes."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    answer = httpx.post(f"{site.base_url}/graphql", json=body, headers=headers)
    assert "errors" not in answer.json(), answer.text
    loads = [measure(site, body, options.seconds) for _ in range(options.rounds)]
    per_second, per_core, p50, p99 = (statistics.median(part) for part in zip(*loads, strict=True))
    print(f"{name:20}{len(answer.content):8}{per_second:9.0f}{per_core:11.0f}{p50:9.2f}{p99:9.2f}", flush=True)


def measure(site: Site, body: dict[str, object], seconds: int) -> tuple[float, float, float, float]:
    """Requests a second, the same for each second of the API's processor time, and p50 and p99 in ms."""
    script = (
        f"wrk.method = 'POST'\nwrk.body = [==[{json.dumps(body)}]==]\n"
        f"wrk.headers['Content-Type'] = 'application/json'\nwrk.headers['Authorization'] = 'Bearer {API_KEY}'\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "post.lua"
        path.write_text(script)
        command = [
            "taskset",
            "-c",
            "1",
            "wrk",
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{seconds}s",
            "--latency",
            "-s",
            str(path),
        ]
        before_s = cpu_s(site.apis[0].pid)
        url = f"{site.base_url}/graphql"
        told = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
        used_s = cpu_s(site.apis[0].pid) - before_s
    assert "Non-2xx" not in told, told
    rate, count = find(r"Requests/sec:\s+([\d.]+)", told), find(r"(\d+) requests in", told)
    p50, p99 = (_ms(re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", told)) for share in (50, 99))
    return rate, count / used_s, p50, p99


def cpu_s(pid: int) -> float:
    """Processor time that a process has used so far: on a busy machine it says more than the clock does."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def find(pattern: str, text: str) -> float:
    """The number that a pattern finds."""
    found = re.search(pattern, text)
    assert found is not None, text
    return float(found[1])


def _ms(found: re.Match[str] | None) -> float:
    assert found is not None
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


if __name__ == "__main__":
    main()
