"""Uploads that become images of their own, whether or not the same bytes are there already."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "upload_sessions", sa.Column("is_kept_apart", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("upload_sessions", "is_kept_apart")
