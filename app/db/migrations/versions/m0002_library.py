"""The library: albums, tags, search, presets, signing keys, sign-in; replacements, focal points, views."""

import secrets
import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from app.domain.search import make_document

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
UNFINISHED = "state IN ('planned', 'rendering')"
ORDERS = ("updated_at", "filename", "byte_size", "views", "taken_at")

ADDED = {
    "accounts": [
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("subject", sa.String(length=64), nullable=True),
    ],
    "images": [
        sa.Column("album_id", sa.Uuid(), nullable=True),
        sa.Column("taken_at", MOMENT, nullable=True),
        sa.Column("focal_x", sa.Float(), nullable=True),
        sa.Column("focal_y", sa.Float(), nullable=True),
        sa.Column("views", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("replacement_id", sa.Uuid(), nullable=True),
    ],
    "upload_sessions": [
        sa.Column("is_replacement", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("source_url", sa.String(), nullable=True),
        sa.Column("staged_key", sa.String(), nullable=True),
        sa.Column("staged_tries", sa.Integer(), server_default="0", nullable=False),
    ],
    "variants": [sa.Column("is_stale", sa.Boolean(), server_default=sa.false(), nullable=False)],
}


def upgrade() -> None:
    _make_albums()
    _make_tags_and_words()
    _make_presets_and_keys()
    for table, columns in ADDED.items():
        for column in columns:
            op.add_column(table, column._copy())
    op.create_index("uq_accounts_subject", "accounts", ["subject"], unique=True)
    _give_signing_keys()
    _note_tags_and_words()
    if op.get_bind().dialect.name == "postgresql":
        # Names in the order of their code points, as SQLite has them, whatever the database's own language.
        op.alter_column("images", "filename", type_=sa.String(collation="C"), existing_type=sa.String())
    for column_name in ORDERS:
        op.create_index(f"ix_images_owner_id_{column_name}_id", "images", ["owner_id", column_name, "id"])
    op.create_index("ix_images_album_id_created_at_id", "images", ["album_id", "created_at", "id"])
    op.create_index("ix_images_album_id_filename", "images", ["album_id", "filename"])
    op.create_index("ix_images_deleted_at", "images", ["deleted_at"])
    _index_unfinished(f"{UNFINISHED} OR is_stale")


def downgrade() -> None:
    op.drop_index("uq_accounts_subject", table_name="accounts")
    _index_unfinished(UNFINISHED)
    op.drop_index("ix_images_deleted_at", table_name="images")
    op.drop_index("ix_images_album_id_filename", table_name="images")
    op.drop_index("ix_images_album_id_created_at_id", table_name="images")
    for column_name in ORDERS:
        op.drop_index(f"ix_images_owner_id_{column_name}_id", table_name="images")
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("images", "filename", type_=sa.String(), existing_type=sa.String(collation="C"))
    for table, columns in ADDED.items():
        for column in columns:
            op.drop_column(table, column.name)
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE search_index")
    for table in ("search_documents", "image_tags", "variant_presets", "signing_keys", "refresh_tokens", "albums"):
        op.drop_table(table)


def _make_albums() -> None:
    op.create_table(
        "albums",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("cover_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["accounts.id"], name="fk_albums_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_albums"),
    )
    op.create_index("ix_albums_owner_id_created_at_id", "albums", ["owner_id", "created_at", "id"])
    op.create_index("uq_albums_owner_id_slug", "albums", ["owner_id", "slug"], unique=True)


def _make_tags_and_words() -> None:
    op.create_table(
        "image_tags",
        sa.Column("image_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name="fk_image_tags_image_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("image_id", "tag", name="pk_image_tags"),
    )
    op.create_index("ix_image_tags_owner_id_tag", "image_tags", ["owner_id", "tag"])
    op.create_table(
        "search_documents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("image_id", sa.Uuid(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name="fk_search_documents_image_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_search_documents"),
        sa.UniqueConstraint("image_id", name="uq_search_documents_image_id"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _index_words_in_sqlite()
    else:
        op.execute(
            "CREATE INDEX ix_search_documents_words ON search_documents USING gin (to_tsvector('simple', words))"
        )


def _index_words_in_sqlite() -> None:
    """FTS5 over the documents' own rows, kept in step by triggers (https://www.sqlite.org/fts5.html, 4.4.3)."""
    op.execute("CREATE VIRTUAL TABLE search_index USING fts5(words, content='search_documents', content_rowid='id')")
    insert = "INSERT INTO search_index(rowid, words) VALUES (new.id, new.words);"
    delete = "INSERT INTO search_index(search_index, rowid, words) VALUES ('delete', old.id, old.words);"
    for event, action in (("INSERT", insert), ("DELETE", delete), ("UPDATE", delete + insert)):
        op.execute(
            f"CREATE TRIGGER search_documents_{event.lower()} AFTER {event} ON search_documents BEGIN {action} END"
        )


def _make_presets_and_keys() -> None:
    op.create_table(
        "variant_presets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=99), nullable=False),
        sa.Column("fit", sa.String(length=32), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=True),
        sa.Column("height_px", sa.Integer(), nullable=True),
        sa.Column("quality", sa.Integer(), nullable=True),
        sa.Column("keeps_metadata", sa.String(length=32), nullable=False),
        sa.Column("never_require_signed_urls", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["accounts.id"], name="fk_variant_presets_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_variant_presets"),
    )
    op.create_index("uq_variant_presets_owner_id_name", "variant_presets", ["owner_id", "name"], unique=True)
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=99), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["accounts.id"], name="fk_signing_keys_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_signing_keys"),
    )
    op.create_index("uq_signing_keys_owner_id_name", "signing_keys", ["owner_id", "name"], unique=True)
    op.create_table(
        "refresh_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("chain_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_refresh_tokens_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_refresh_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_refresh_tokens_token_hash"),
    )
    op.create_index("ix_refresh_tokens_account_id", "refresh_tokens", ["account_id"])
    op.create_index("ix_refresh_tokens_chain_id", "refresh_tokens", ["chain_id"])


def _note_tags_and_words() -> None:
    """Images that are here already can be found like those that come."""
    names = ("filename", "title", "alt", "description")
    images = sa.table(
        "images",
        *(sa.column(name, sa.Uuid()) for name in ("id", "owner_id", "alias_of")),
        *(sa.column(name, sa.String()) for name in names),
        sa.column("tags", sa.JSON()),
    )
    documents = sa.table("search_documents", sa.column("image_id", sa.Uuid()), sa.column("words", sa.String()))
    tagged = sa.table(
        "image_tags", sa.column("image_id", sa.Uuid()), sa.column("tag", sa.String()), sa.column("owner_id", sa.Uuid())
    )
    bind = op.get_bind()
    for image in bind.execute(sa.select(images).where(images.c.alias_of.is_(None))).all():
        words = make_document([*(getattr(image, name) for name in names), *image.tags])
        bind.execute(sa.insert(documents).values(image_id=image.id, words=words))
        for tag in image.tags:
            bind.execute(sa.insert(tagged).values(image_id=image.id, tag=tag, owner_id=image.owner_id))


def _give_signing_keys() -> None:
    """Every account has at least one; those that are here already get theirs now."""
    accounts = sa.table("accounts", sa.column("id", sa.Uuid()))
    keys = sa.table(
        "signing_keys",
        sa.column("id", sa.Uuid()),
        sa.column("owner_id", sa.Uuid()),
        sa.column("name", sa.String()),
        sa.column("value", sa.String()),
        sa.column("created_at", MOMENT),
    )
    for account_id in op.get_bind().execute(sa.select(accounts.c.id)).scalars().all():
        op.get_bind().execute(
            sa.insert(keys).values(
                id=uuid.uuid4(),
                owner_id=account_id,
                name="default",
                value=secrets.token_hex(32),
                created_at=datetime.now(UTC),
            )
        )


def _index_unfinished(condition: str) -> None:
    op.drop_index("ix_variants_unfinished", table_name="variants")
    where = sa.text(condition)
    op.create_index(
        "ix_variants_unfinished", "variants", ["state", "lease_until"], sqlite_where=where, postgresql_where=where
    )
