"""Which account is the guests': said by a column, no longer by its name."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# An account of that name with a credential belongs to a person, who must not become the owner of all guests' images.
MARK = """
UPDATE accounts SET is_guest = true
WHERE username = 'guest' AND subject IS NULL AND password_hash IS NULL
  AND NOT EXISTS (SELECT 1 FROM api_keys WHERE api_keys.account_id = accounts.id)
"""


def upgrade() -> None:
    op.add_column("accounts", sa.Column("is_guest", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(MARK)
    op.create_index(
        "uq_accounts_is_guest",
        "accounts",
        ["is_guest"],
        unique=True,
        sqlite_where=sa.text("is_guest"),
        postgresql_where=sa.text("is_guest"),
    )


def downgrade() -> None:
    op.drop_index("uq_accounts_is_guest", table_name="accounts")
    op.drop_column("accounts", "is_guest")
