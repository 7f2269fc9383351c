"""How many statements of SQL a miss costs: the same whichever name is wrong, so that no answer's time lists names."""

from collections.abc import Sequence

import pytest
from sqlalchemy import event, select, update

from app.container import Container
from app.db.tables import accounts, albums, images
from app.domain.access import ANONYMOUS, Visibility
from app.domain.addresses import Address, PrettyAddress, ShortAddress
from app.errors import Forbidden, NotFound
from app.services.delivery.addressing import AddressingService

pytestmark = pytest.mark.both_set_ups


async def statements_of(library: Container, address: Address, *, signed: str | None = None) -> Sequence[str]:
    addressing, statements = AddressingService(library.database, base_path=""), list[str]()

    def note(*details: object) -> None:
        statements.append(str(details[2]))

    event.listen(library.database.read_engine, "before_cursor_execute", note)
    try:
        with pytest.raises((NotFound, Forbidden)):
            await (addressing.resolve_signed(address, signed) if signed else addressing.resolve(ANONYMOUS, address))
    finally:
        event.remove(library.database.read_engine, "before_cursor_execute", note)
    return [statement for statement in statements if statement.startswith("SELECT")]


async def hide_one(library: Container) -> tuple[str, str, str, str]:
    """Owner, album and filename of an image that is made private, and its short id."""
    columns = (accounts.c.username, albums.c.slug, images.c.filename, images.c.short_id, images.c.id)
    joined = images.join(accounts, accounts.c.id == images.c.owner_id).join(albums, albums.c.id == images.c.album_id)
    async with library.database.write() as db:
        row = (await db.execute(select(*columns).select_from(joined).limit(1))).one()
        hidden = update(images).where(images.c.id == row.id).values(visibility=Visibility.PRIVATE)
        await db.execute(hidden)
    return row.username, row.slug, row.filename, row.short_id


async def test_every_miss_by_name_is_one_statement(library: Container) -> None:
    owner, album, filename, _ = await hide_one(library)
    misses = [
        PrettyAddress("stranger", None, filename, None),
        PrettyAddress("stranger", album, filename, None),
        PrettyAddress(owner, None, "missing.jpg", None),
        PrettyAddress(owner, "missing", filename, None),
        PrettyAddress(owner, album, "missing.jpg", None),
        PrettyAddress(owner, album, filename, None),
        PrettyAddress(owner, album, filename, "small"),
        PrettyAddress(owner, album, filename, "own-size"),
    ]

    counts = [len(await statements_of(library, address)) for address in misses]

    assert counts == [1] * len(misses)


@pytest.mark.parametrize("size", [None, "small", "own-size"])
async def test_a_hidden_short_id_costs_as_many_statements_as_a_missing_one(
    library: Container, size: str | None
) -> None:
    *_, short_id = await hide_one(library)

    hidden, missing = [
        await statements_of(library, ShortAddress(name, size)) for name in (short_id, "A" * len(short_id))
    ]

    assert len(hidden) == len(missing) <= 2


async def test_a_wrong_signature_costs_as_many_statements_for_any_owner(library: Container) -> None:
    owner, album, filename, short_id = await hide_one(library)
    addresses: list[Address] = [
        PrettyAddress(owner, album, filename, None),
        PrettyAddress("stranger", album, filename, None),
        ShortAddress(short_id),
        ShortAddress("A" * len(short_id)),
    ]

    counts = [len(await statements_of(library, address, signed="/x?exp=1&sig=00")) for address in addresses]

    assert counts == [2] * 4
