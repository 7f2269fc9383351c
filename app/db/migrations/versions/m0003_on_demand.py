"""Variants made on demand, free transformations among them; where images and albums were before."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)

ADDED = {
    "variants": [
        sa.Column("options", sa.String(), nullable=True),
        sa.Column("is_on_demand", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("wanted_at", MOMENT, nullable=True),
    ],
}


def upgrade() -> None:
    for table, columns in ADDED.items():
        for column in columns:
            op.add_column(table, column._copy())
    is_free = sa.text("options IS NOT NULL")
    op.create_index(
        "ix_variants_free", "variants", ["image_id", "updated_at"], sqlite_where=is_free, postgresql_where=is_free
    )
    _make_old_names()


def downgrade() -> None:
    op.drop_table("old_slugs")
    op.drop_table("old_places")
    op.drop_index("ix_variants_free", table_name="variants")
    # The version before knows no rule for these rows; what they leave in the store it deletes as nobody's.
    op.execute("DELETE FROM variants WHERE options IS NOT NULL")
    for table, columns in ADDED.items():
        for column in columns:
            op.drop_column(table, column.name)


def _make_old_names() -> None:
    op.create_table(
        "old_places",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("image_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("album_id", sa.Uuid(), nullable=True),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name="fk_old_places_image_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_old_places"),
    )
    op.create_index("ix_old_places_image_id", "old_places", ["image_id"])
    op.create_index("ix_old_places_owner_id_filename", "old_places", ["owner_id", "filename"])
    op.create_table(
        "old_slugs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("album_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_old_slugs"),
    )
    op.create_index("ix_old_slugs_owner_id_slug", "old_slugs", ["owner_id", "slug"])
