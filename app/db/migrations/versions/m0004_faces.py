"""Small numbers for accounts and albums, which clients of the PixelFox face know; sessions that reserve nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "face_numbers",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_face_numbers"),
        sa.UniqueConstraint("subject_id", name="uq_face_numbers_subject_id"),
        sqlite_autoincrement=True,
    )
    op.add_column("upload_sessions", sa.Column("reserved_bytes", sa.BigInteger(), server_default="0", nullable=False))
    op.execute("UPDATE upload_sessions SET reserved_bytes = max_bytes")


def downgrade() -> None:
    op.drop_column("upload_sessions", "reserved_bytes")
    op.drop_table("face_numbers")
