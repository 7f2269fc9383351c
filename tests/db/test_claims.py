"""A variant has one maker at a time, and whoever was too late changes nothing."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from app.db.engine import Database
from app.db.records import VariantRecord
from app.db.variants import (
    claim_variants,
    finish_claim,
    list_variants,
    list_waiting,
    list_worn_out,
    renew_leases,
    replan_failed,
    reset_variants,
)
from app.domain.variants import VariantState
from app.ids import ImageId
from tests.support.db_rows import NOW, SIZES, add_account, add_image, add_variants

LEASE = timedelta(seconds=6)
LATER = NOW + LEASE + timedelta(seconds=1)
READY = {"state": VariantState.READY, "updated_at": NOW}


async def test_of_many_who_claim_at_once_one_gets_each_variant(database: Database) -> None:
    image_id = await _add(database)

    claims = await asyncio.gather(*(_claim(database, image_id) for _ in range(8)))

    assert sorted(len(claim) for claim in claims) == [0] * 7 + [len(SIZES)]


async def test_a_claim_whose_lease_ran_out_is_taken_over_and_its_holder_fenced_off(database: Database) -> None:
    image_id = await _add(database)
    late = await _claim(database, image_id)
    current = await _claim(database, image_id, now=LATER)

    async with database.write() as db:
        await renew_leases(db, late, lease_until=LATER + 10 * LEASE)
        late_results = [await finish_claim(db, variant, READY) for variant in late]
        results = [await finish_claim(db, variant, READY) for variant in current]

    assert late_results == [False] * len(SIZES)
    assert results == [True] * len(SIZES)
    assert [variant.attempt for variant in current] == [2] * len(SIZES)
    assert [variant.losses for variant in current] == [1] * len(SIZES)
    assert await _states(database, image_id) == {VariantState.READY}


async def test_a_renewed_claim_is_nobody_elses(database: Database) -> None:
    image_id = await _add(database)
    claim = await _claim(database, image_id)

    async with database.write() as db:
        await renew_leases(db, claim, lease_until=LATER + LEASE)

    assert await _claim(database, image_id, now=LATER) == []


async def test_another_generation_fences_off_the_work_on_the_one_before(database: Database) -> None:
    image_id = await _add(database)
    late = await _claim(database, image_id)

    async with database.write() as db:
        await reset_variants(db, image_id, revision=1)

    async with database.write() as db:
        assert [await finish_claim(db, variant, READY) for variant in late] == [False] * len(SIZES)
    assert await _states(database, image_id) == {VariantState.PLANNED}


async def test_a_finished_variant_is_not_finished_again(database: Database) -> None:
    image_id = await _add(database)
    claim = await _claim(database, image_id)

    async with database.write() as db:
        results = [await finish_claim(db, claim[0], READY) for _ in range(2)]

    assert results == [True, False]


async def test_a_pause_is_waited_for(database: Database) -> None:
    image_id = await _add(database)
    claim = await _claim(database, image_id)
    async with database.write() as db:
        for variant in claim:
            await finish_claim(db, variant, {"state": VariantState.PLANNED, "not_before": NOW + LEASE})

    assert await _waiting(database) == []
    assert await _claim(database, image_id) == []
    assert len(await _claim(database, image_id, now=LATER)) == len(SIZES)


async def test_the_sweep_finds_what_waits_or_was_lost_and_nothing_else(database: Database) -> None:
    waiting, lost, running, unsent = [await _add(database) for _ in range(4)]
    await _claim(database, lost)
    running_claim = await _claim(database, running)
    async with database.write() as db:
        await renew_leases(db, running_claim, lease_until=LATER + LEASE)
        draft = await add_image(db, await add_account(db), uploaded_at=None)
        trashed = await add_image(db, await add_account(db), deleted_at=NOW)
        for image_id in (draft, trashed):
            await add_variants(db, image_id)

    found = dict(await _waiting(database, now=LATER))

    assert found == {waiting: 0, lost: 1, unsent: 0}


async def test_failed_variants_get_new_tries_and_worn_out_ones_are_found(database: Database) -> None:
    image_id = await _add(database)
    claim = await _claim(database, image_id)
    async with database.write() as db:
        await finish_claim(db, claim[0], {"state": VariantState.FAILED, "failures": 3, "losses": 9})
        assert await replan_failed(db, image_id, now=NOW, revision=7) == 1
        (failed, *_) = (await list_variants(db, [image_id]))[image_id]
        worn_out = await list_worn_out(db, now=LATER, max_losses=0, limit=10)

    assert (failed.state, failed.failures, failed.losses) == (VariantState.PLANNED, 0, 0)
    assert failed.attempt == claim[0].attempt + 1
    assert [variant.id for variant in worn_out] == [claim[1].id]


async def _add(database: Database) -> ImageId:
    async with database.write() as db:
        image_id = await add_image(db, await add_account(db))
        await add_variants(db, image_id)
    return image_id


async def _claim(database: Database, image_id: ImageId, *, now: object = NOW) -> Sequence[VariantRecord]:
    moment = NOW if now is NOW else LATER
    async with database.write() as db:
        return await claim_variants(db, image_id, now=moment, lease_until=moment + LEASE)


async def _states(database: Database, image_id: ImageId) -> set[VariantState]:
    async with database.read() as db:
        return {variant.state for variant in (await list_variants(db, [image_id]))[image_id]}


async def _waiting(database: Database, *, now: object = NOW) -> list[tuple[ImageId, int]]:
    async with database.read() as db:
        return await list_waiting(db, now=NOW if now is NOW else LATER, limit=100)
