"""Processes beside and above a sandbox: one that dies takes its children along; one that lives keeps its files."""

import asyncio
import sys

import pytest

from app.rendering.sandbox import Cage
from tests.support.render_fault_site import Site
from tests.support.render_processes import children_of, needs_linux, own_zygotes, wait_until_gone
from tests.support.waiting import in_time

pytestmark = [pytest.mark.asyncio(loop_scope="function"), needs_linux]

_PARENT = """
import asyncio, sys
from pathlib import Path
from app.rendering.sandbox import Cage
from app.domain.headers.facts import HeaderFacts
from app.domain.formats import ImageFormat
from app.domain.variants import Geometry
from app.rendering.protocol import RenderSpec

async def main():
    cage = Cage(slots=1, scratch_dir=Path(sys.argv[1]))
    await cage.start()
    facts = HeaderFacts(ImageFormat.JPEG, 1800, 1800)
    spec = RenderSpec("slow", ImageFormat.AVIF, Geometry((1800, 1800), (1800, 1800)), 95)
    async with cage.job(Path(sys.argv[2]), facts, [spec]) as job:
        async for _ in job:
            print("decoded", flush=True)

asyncio.run(main())
"""


async def test_a_killed_parent_takes_all_processes_along_and_its_files_are_swept(site: Site) -> None:
    site.scratch.mkdir()
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PARENT, str(site.scratch), str(site.slow)), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    assert await in_time(parent.stdout.readline()) == b"decoded\n"
    (zygote,) = children_of(parent.pid)
    (child,) = children_of(zygote)
    assert site.left_overs() != []

    parent.kill()
    await in_time(parent.wait())

    await wait_until_gone(zygote, child)
    await site.open()
    assert site.left_overs() == []
    await site.assert_healed()


async def test_another_process_files_are_left_alone(site: Site) -> None:
    await site.open()
    site.before |= set(own_zygotes())
    other = Cage(slots=1, scratch_dir=site.scratch)

    await other.start()

    assert len(list(site.scratch.iterdir())) == 2
    await other.close()
    assert len(list(site.scratch.iterdir())) == 1
