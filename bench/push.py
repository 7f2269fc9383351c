"""From the commit of READY to the frame on each subscriber's socket, in the real application (goals S1 and S2).

    python -m bench.push [--sockets 100,1000] [--rounds 20]

A variant is settled through the service that workers call, in this process; the clock starts when its transaction is
committed. One API process serves all sockets, all of which watch one image; they speak WebSocket by hand.
"""

import argparse
import asyncio
import hashlib
import os
import statistics
import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from app.collector import keep_what_is_here
from app.container import Container, open_container
from app.domain.variants import Family
from app.events.bus import EventBus
from app.ids import ImageId
from app.jobs import RenderQueue, open_queue
from app.redis_names import names_of
from app.services.making.claims import ClaimService
from app.services.making.outcomes import StoredVariant
from app.settings import Settings
from app.storage.port import ObjectKey
from bench.sites import pin, rss_mib, running_site
from bench.subscribers import Subscriber, connect_all
from tests.support.pictures import make_jpeg
from tests.support.servers.prepared import API_KEY
from tests.support.site import Site

SIZES = ("small", "medium", "w128", "w256", "w512", "w1024", "w1536", "w2048", "thumb", "og-image", "public")
QUERY = """subscription { stableVariants(imageId: "%s") {
  revision complete progress { total ready } changed { family size ready url version width height } } }"""


class TimedBus(EventBus):
    """Notes when the commit was done: publishing is what comes next."""

    committed_at = 0.0

    async def publish(self, image_ids: Iterable[ImageId], **what: Any) -> None:  # passed through
        self.committed_at = time.perf_counter()
        await super().publish(image_ids, **what)


async def open_image(site: Site, number: int, variants: int = 16) -> ImageId:
    """An image whose variants nobody makes: the workers are stopped."""
    wanted = [{"family": family.name, "size": size} for family in Family for size in SIZES]
    async with site.client() as client:
        session = await client.upload(
            make_jpeg(64 + number, 48), processing={"profile": "CUSTOM", "derivatives": wanted[:variants]}
        )
    return ImageId(UUID(session.image_id))


async def measure(site: Site, container: Container, count: int, rounds: int) -> None:
    """Connect, weigh, and settle one variant a round."""
    image_id, pid = await open_image(site, count, rounds + 1), site.apis[0].pid
    before_mib = rss_mib(pid)
    arguments = argparse.Namespace(url=f"{site.base_url}/graphql", key=API_KEY, query=QUERY % image_id, sockets=count)
    subscribers = await connect_all(arguments)
    await asyncio.gather(*(subscriber.received.wait() for subscriber in subscribers))
    keep_what_is_here()  # a collection here would be counted as a slow push
    await asyncio.sleep(1.0)
    weight_kib = (rss_mib(pid) - before_mib) * 1024 / count
    bus = TimedBus(container.redis)
    queue = open_queue(site.environment["SAFELIGHT_REDIS_URL"], names_of(container.redis))
    claims = ClaimService(container.database, bus, RenderQueue(queue))
    delays = [await settle_one(container, claims, bus, image_id, subscribers) for _ in range(rounds)]
    every = sorted(delay for one_round in delays for delay in one_round)
    last = statistics.median(max(one_round) for one_round in delays)
    median, p99 = statistics.median(every), every[int(len(every) * 0.99) - 1]
    print(f"{count:7}{weight_kib:14.1f}{median:14.1f}{p99:10.1f}{last:16.1f}")
    for subscriber in subscribers:
        subscriber.close()
    await queue.aclose()


async def settle_one(
    container: Container, claims: ClaimService, bus: TimedBus, image_id: ImageId, subscribers: list[Subscriber]
) -> list[float]:
    """Make one variant READY; each subscriber's delay in ms."""
    claim = await claims.claim(image_id)
    assert claim is not None, "the image has more variants than there are rounds"
    variant = claim.variants[0]
    key = ObjectKey.variant(image_id, 1, variant.attempt, variant.family, variant.size, "bin")
    stored = StoredVariant(key, 1, 1, 1, hashlib.sha256(os.urandom(8)).hexdigest(), "image/webp", False)
    for subscriber in subscribers:
        subscriber.received.clear()
    await claims.finish(claim, variant, stored)
    await asyncio.gather(*(subscriber.received.wait() for subscriber in subscribers))
    delays = [1000 * (subscriber.received_at_s - bus.committed_at) for subscriber in subscribers]
    await claims.hand_back(claim, claim.variants[1:])
    await asyncio.sleep(0.7)  # until the variants that were handed back may be claimed again
    return delays


async def run(site: Site, counts: list[int], rounds: int) -> None:
    for name, value in site.environment.items():
        if name.startswith("SAFELIGHT_"):
            os.environ[name] = value
    print(f"{'sockets':>7}{'KiB a socket':>14}{'median ms':>14}{'p99 ms':>10}{'last, median':>16}")
    async with open_container(Settings(_env_file=None), listens=False) as container:
        for count in counts:
            await measure(site, container, count, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", default="100,1000")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with running_site() as site:
        for worker in site.workers:
            worker.stop()
        pin(site.apis[0].pid, 0)
        pin(os.getpid(), 1)
        asyncio.run(run(site, [int(count) for count in options.sockets.split(",")], options.rounds))


if __name__ == "__main__":
    main()
