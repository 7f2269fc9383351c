"""The identity that a database shares with its store."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "instances",
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sweeps", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("row"),
    )


def downgrade() -> None:
    op.drop_table("instances")
