"""How long browsers may keep pictures of an owner's size, where it is not as long as the owner's others."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("variant_presets", sa.Column("browser_ttl_s", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("variant_presets", "browser_ttl_s")
