"""End batch tokens with an account's sign-ins, and tell which API keys a sign-in made."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("credential_generation", sa.Integer(), server_default="0", nullable=False))
    op.add_column("api_keys", sa.Column("sign_in_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("api_keys", "sign_in_id")
    op.drop_column("accounts", "credential_generation")
