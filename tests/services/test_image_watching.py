"""When watching an image ends, and what it tells whoever comes back to it."""

import pytest

from app.domain.variants import Derivative, Family
from app.errors import NotFound
from tests.support.pictures import make_jpeg
from tests.support.upload_harness import Workbench

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
