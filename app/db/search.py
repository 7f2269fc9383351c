"""SQL for the words of images: what is kept, and which images are found by it."""

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Integer,
    column,
    delete,
    false,
    func,
    insert,
    literal_column,
    select,
    table,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import images, search_documents
from app.ids import ImageId

documents = search_documents
_INDEX = table("search_index", column("rowid", Integer))


async def write_document(db: AsyncConnection, image_id: ImageId, words: str) -> None:
    """Keep these words for an image, in place of those before."""
    statement = update(documents).where(documents.c.image_id == image_id).values(words=words)
    if (await db.execute(statement)).rowcount == 0:
        await db.execute(insert(documents).values(image_id=image_id, words=words))


async def delete_document(db: AsyncConnection, image_id: ImageId) -> None:
    """Let an image be found by nothing."""
    await db.execute(delete(documents).where(documents.c.image_id == image_id))


def has_words(words: Sequence[str], *, is_sqlite: bool) -> ColumnElement[bool]:
    """Every one of these is the beginning of a word of the image; true of none where there are no words.

    The words hold letters and digits only (`app.domain.search`), so that none means anything to a query language.
    """
    if not words:
        return false()
    if is_sqlite:
        query = " ".join(f'"{word}"*' for word in words)
        # The table's own name stands for all of its columns: https://www.sqlite.org/fts5.html, 3.
        found = select(_INDEX.c.rowid).where(literal_column("search_index").op("MATCH")(query))
        matches = documents.c.id.in_(found)
    else:
        # 'simple' as a literal: the index is used for this very expression alone.
        simple: ColumnElement[str] = literal_column("'simple'")
        query = " & ".join(f"{word}:*" for word in words)
        matches = func.to_tsvector(simple, documents.c.words).op("@@")(func.to_tsquery(simple, query))
    return images.c.id.in_(select(documents.c.image_id).where(matches))
