"""Faults of the machine, counted apart from those of an image."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ADDED = [
    sa.Column("host_faults", sa.Integer(), server_default="0", nullable=False),
    sa.Column("host_faults_since", sa.DateTime(timezone=True), nullable=True),
    sa.Column("starvations", sa.Integer(), server_default="0", nullable=False),
    sa.Column("lacked_memory_bytes", sa.BigInteger(), nullable=True),
]


def upgrade() -> None:
    for column in ADDED:
        op.add_column("variants", column._copy())
    has_lacked = sa.text("lacked_memory_bytes IS NOT NULL")
    op.create_index(
        "ix_variants_lacked_memory_bytes",
        "variants",
        ["lacked_memory_bytes"],
        sqlite_where=has_lacked,
        postgresql_where=has_lacked,
    )


def downgrade() -> None:
    op.drop_index("ix_variants_lacked_memory_bytes", table_name="variants")
    for column in ADDED:
        op.drop_column("variants", column.name)
