"""What lists find an image by, kept beside its row: its tags, and the words of its texts."""

from app.db.engine import Transaction
from app.db.records import ImageRecord
from app.db.search import delete_document, write_document
from app.db.tags import replace_tags
from app.domain.search import make_document
from app.ids import ImageId

SEARCHED = frozenset({"filename", "title", "alt", "description", "tags"})
"""Columns whose words are looked for."""


async def index_image(db: Transaction, image: ImageRecord) -> None:
    """Make lists find an image by the tags and the texts that its row has now."""
    await replace_tags(db, image.owner_id, image.id, image.tags)
    texts = (image.filename, image.title, image.alt, image.description, *image.tags)
    await write_document(db, image.id, make_document(texts))


async def unindex_image(db: Transaction, image: ImageRecord) -> None:
    """Let an image be found by nothing any more: it became another's alias."""
    await replace_tags(db, image.owner_id, ImageId(image.id), ())
    await delete_document(db, image.id)
