"""What is remembered of old names: the newest of each place, and no more of one image or album than so many."""

from datetime import timedelta

from sqlalchemy import select

from app.db.addresses import Spot, find_at, find_moved, list_album_ids
from app.db.albums import find_album, insert_album
from app.db.engine import Database, Transaction
from app.db.images import find_image, update_image
from app.db.old_names import MAX_OLD_PLACES, note_emptied, note_old_place, note_old_slug
from app.db.records import AlbumRecord
from app.db.tables import old_places, old_slugs
from app.db.trash import remove_images
from app.domain.access import Visibility
from app.ids import AccountId, AlbumId, ImageId, make_uuid
from tests.support.db_rows import NOW, add_account, add_image


def spot(owner_id: AccountId, *filenames: str, album_id: AlbumId | None = None, is_public_only: bool = True) -> Spot:
    return Spot(owner_id, album_id, filenames, is_public_only=is_public_only)


async def add_album(db: Transaction, owner_id: AccountId, slug: str) -> AlbumRecord:
    album_id = AlbumId(make_uuid())
    named = {"id": album_id, "owner_id": owner_id, "slug": slug, "title": slug}
    await insert_album(db, {**named, "created_at": NOW, "updated_at": NOW})
    album = await find_album(db, album_id)
    assert album is not None
    return album


async def rename(db: Transaction, image_id: ImageId, filename: str, *, second: int) -> None:
    image = await find_image(db, image_id)
    assert image is not None
    await note_old_place(db, image, now=NOW + timedelta(seconds=second))
    await update_image(db, image_id, {"filename": filename})


async def test_an_image_that_is_renamed_without_end_keeps_its_newest_places(database: Database) -> None:
    async with database.write() as db:
        owner_id = await add_account(db)
        image_id = await add_image(db, owner_id, filename="0.jpg")
        for number in range(1, MAX_OLD_PLACES + 10):
            await rename(db, image_id, f"{number}.jpg", second=number)
        kept = set((await db.execute(select(old_places.c.filename))).scalars())

        first, last = MAX_OLD_PLACES + 9 - MAX_OLD_PLACES, MAX_OLD_PLACES + 8
        assert kept == {f"{number}.jpg" for number in range(first, last + 1)}
        assert await find_moved(db, spot(owner_id, "0.jpg")) is None
        assert await find_moved(db, spot(owner_id, f"{last}.jpg")) == image_id


async def test_a_place_that_is_left_twice_is_remembered_once(database: Database) -> None:
    async with database.write() as db:
        image_id = await add_image(db, await add_account(db), filename="a.jpg")
        for number, name in enumerate(["b.jpg", "a.jpg", "b.jpg", "a.jpg"]):
            await rename(db, image_id, name, second=number)

        assert sorted((await db.execute(select(old_places.c.filename))).scalars()) == ["a.jpg", "b.jpg"]


async def test_of_two_that_left_a_place_the_last_is_found_and_a_purge_forgets(database: Database) -> None:
    async with database.write() as db:
        owner_id = await add_account(db)
        first = await add_image(db, owner_id, filename="a.jpg")
        await rename(db, first, "b.jpg", second=1)
        second = await add_image(db, owner_id, filename="a.jpg")
        await rename(db, second, "c.jpg", second=2)

        assert await find_moved(db, spot(owner_id, "a.jpg")) == second
        await remove_images(db, [second])
        assert await find_moved(db, spot(owner_id, "a.jpg")) == first
        assert await find_moved(db, spot(await add_account(db), "a.jpg")) is None


async def test_the_spelling_that_was_asked_for_comes_before_those_with_an_extension(database: Database) -> None:
    async with database.write() as db:
        owner_id = await add_account(db)
        exact = await add_image(db, owner_id, filename="a")
        later = await add_image(db, owner_id, filename="a.jpg", uploaded_at=NOW + timedelta(days=1))

        assert await find_at(db, spot(owner_id, "a", "a.jpg")) == exact
        assert await find_at(db, spot(owner_id, "a.jpg")) == later


async def test_what_is_private_thrown_away_or_awaited_in_vain_is_not_there(database: Database) -> None:
    async with database.write() as db:
        owner_id = await add_account(db)
        shown = await add_image(db, owner_id)
        hidden = await add_image(db, owner_id, visibility=Visibility.PRIVATE, uploaded_at=NOW + timedelta(days=1))
        await add_image(db, owner_id, deleted_at=NOW, uploaded_at=NOW + timedelta(days=2))
        await add_image(db, owner_id, uploaded_at=None)

        assert await find_at(db, spot(owner_id, "a.jpg")) == shown
        assert await find_at(db, spot(owner_id, "a.jpg", is_public_only=False)) == hidden


async def test_albums_are_found_by_old_slugs_after_those_that_have_them_now(database: Database) -> None:
    async with database.write() as db:
        owner_id = await add_account(db)
        old = await add_album(db, owner_id, "trip")
        for number in range(MAX_OLD_PLACES + 5):
            await note_old_slug(db, old, now=NOW + timedelta(seconds=number))
        emptied = await add_album(db, owner_id, "gone")
        inside = await add_image(db, owner_id, album_id=emptied.id)
        await note_emptied(db, emptied, now=NOW)
        await update_image(db, inside, {"album_id": None})

        assert len((await db.execute(select(old_slugs.c.id))).all()) == 2
        assert await list_album_ids(db, owner_id, "trip") == [(old.id, False)]
        assert await find_moved(db, spot(owner_id, "a.jpg", album_id=emptied.id)) == inside
