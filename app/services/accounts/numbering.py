"""Small numbers for clients that know accounts and albums by nothing else: given when first asked for, and kept."""

from collections.abc import Sequence
from uuid import UUID

from app.db.engine import Database
from app.db.face_numbers import add_numbers, find_numbered, find_numbers
from app.errors import NotFound
from app.ids import AlbumId

MAX_NUMBER = 2**31 - 1
"""What the column takes."""


class NumberService:
    """Accounts and albums share one row of numbers, so that each number means one thing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def number(self, subject_ids: Sequence[UUID]) -> dict[UUID, int]:
        """The number of each of these accounts and albums, which the caller may see."""
        async with self._database.read() as db:
            known = await find_numbers(db, subject_ids)
        lacking = [subject_id for subject_id in subject_ids if subject_id not in known]
        if not lacking:
            return known
        async with self._database.write() as db:
            await add_numbers(db, lacking)
            return await find_numbers(db, subject_ids)

    async def get_album_id(self, number: int) -> AlbumId:
        """What has this number; whoever uses it finds out whether it is an album of the caller's.

        Raises:
            NotFound: nothing has it.
        """
        found = None
        if 0 < number <= MAX_NUMBER:
            async with self._database.read() as db:
                found = await find_numbered(db, number)
        if found is None:
            raise NotFound("There is no such album.", details={"field": "albumId"})
        return AlbumId(found)
