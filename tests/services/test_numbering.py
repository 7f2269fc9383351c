"""Small numbers: one for each thing, for ever, however many ask at once."""

import asyncio

import pytest
from sqlalchemy import delete

from app.db.engine import Database
from app.db.tables import face_numbers
from app.errors import NotFound
from app.ids import AlbumId, make_uuid
from app.services.accounts.numbering import NumberService
from tests.support.library_fixture import Shelf

pytestmark = pytest.mark.both_set_ups


@pytest.fixture
def database(shelf: Shelf) -> Database:
    return shelf.database


async def test_whoever_asks_first_all_are_told_the_same_numbers(database: Database) -> None:
    """PX-06, PX-24."""
    subjects = [make_uuid() for _ in range(5)]
    services = [NumberService(database) for _ in range(8)]

    answers = await asyncio.gather(*(service.number(subjects) for service in services))

    assert all(answer == answers[0] for answer in answers)
    assert len(set(answers[0].values())) == 5
    assert await services[0].number(subjects[:2]) == {key: answers[0][key] for key in subjects[:2]}


async def test_a_number_leads_back_to_its_album(database: Database) -> None:
    """PX-24."""
    numbers, album_id = NumberService(database), AlbumId(make_uuid())

    number = (await numbers.number([album_id]))[album_id]

    assert await numbers.get_album_id(number) == album_id
    for other in (0, -1, number + 1_000, 2**31, 2**63):
        with pytest.raises(NotFound):
            await numbers.get_album_id(other)


async def test_a_number_whose_row_is_lost_is_given_to_nothing_else(database: Database) -> None:
    """PX-24."""
    numbers, first, second = NumberService(database), make_uuid(), make_uuid()
    lost = (await numbers.number([first]))[first]
    async with database.write() as db:
        await db.execute(delete(face_numbers))

    assert (await numbers.number([second]))[second] > lost


async def test_nothing_is_asked_for_nothing(database: Database) -> None:
    """An account without albums."""
    assert await NumberService(database).number([]) == {}
