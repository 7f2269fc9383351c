"""When watching an image ends, and what it tells whoever comes back to it."""

import pytest

from app.domain.variants import Derivative, Family
from app.errors import NotFound
from app.services.watching import feeds, image_watching
from tests.support.pictures import make_jpeg
from tests.support.upload_harness import Workbench
from tests.support.waiting import LIMIT_S, in_time

pytestmark = pytest.mark.asyncio(loop_scope="session")

SMALL = Derivative(Family.PNG, "small")


async def test_what_lies_unfinished_in_the_trash_is_not_watched_to_no_end(bench: Workbench) -> None:
    services = bench.container.services
    image_id = await bench.upload(make_jpeg(331, 200))
    await services.variants.generate(bench.owner, image_id, [SMALL])
    await services.trash.delete(bench.owner, [image_id], permanent=False)
    watching = services.watching.watch_variants(bench.owner, image_id)

    assert (await anext(watching)).snapshot.image.deleted_at is not None
    with pytest.raises(NotFound, match="trash"):
        await anext(watching)

    await services.trash.restore(bench.owner, [image_id])
    await bench.work(image_id)
    assert [r.snapshot.image.id async for r in services.watching.watch_variants(bench.owner, image_id)] == [image_id]


async def test_who_comes_back_to_a_draft_that_became_a_double_is_told_everything(bench: Workbench) -> None:
    content = make_jpeg(332, 200)
    first = await bench.upload(content, SMALL)
    opened = await bench.open(content, SMALL)
    await bench.send(opened, content)
    await bench.work(first)
    assert opened.session.image_id != first
    for after in range((await bench.image(first)).revision + 2):
        told = [
            r
            async for r in bench.container.services.watching.watch_variants(
                bench.owner, opened.session.image_id, after=after
            )
        ]

        assert [(r.snapshot.image.id, len(r.changed)) for r in told] == [(first, 2)]


async def test_changes_are_pushed_and_not_found_by_reading_again(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (feeds, image_watching):
        monkeypatch.setattr(module, "REREAD_S", 10 * LIMIT_S)
    content = make_jpeg(333, 200)
    opened = await bench.open(content, SMALL)
    image_id = opened.session.image_id
    watching = bench.container.services.watching.watch_variants(bench.owner, image_id)
    before = await anext(watching)

    await bench.send(opened, content)
    await bench.work(image_id)

    async def read_to_the_end() -> list[bool]:
        return [image_watching.is_complete(event.snapshot) async for event in watching]

    assert not image_watching.is_complete(before.snapshot)
    assert (await in_time(read_to_the_end()))[-1]
