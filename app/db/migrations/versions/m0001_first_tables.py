"""The first tables: accounts, keys, images, variants, upload sessions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.String(length=32), nullable=False),
        sa.Column("display_name", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("account_hash", sa.String(length=22), nullable=False),
        sa.Column("preferences", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_login_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("account_hash", name=op.f("uq_accounts_account_hash")),
        sa.UniqueConstraint("username", name=op.f("uq_accounts_username")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_api_keys_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_api_keys_secret_hash")),
    )
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_keys_account_id"), ["account_id"], unique=False)

    op.create_table(
        "images",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("short_id", sa.String(length=12), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("custom_id", sa.String(length=1024), nullable=True),
        sa.Column("custom_key", sa.String(length=64), nullable=True),
        sa.Column("alias_of", sa.Uuid(), nullable=True),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("alt", sa.String(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("creator", sa.String(), nullable=True),
        sa.Column("meta", JSON, nullable=False),
        sa.Column("tags", JSON, nullable=False),
        sa.Column(
            "visibility", sa.Enum("public", "private", name="visibility", native_enum=False, length=32), nullable=False
        ),
        sa.Column("is_nsfw", sa.Boolean(), nullable=False),
        sa.Column("processing", JSON, nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "awaiting_upload", "processing", "ready", "failed", name="imagestate", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column(
            "format",
            sa.Enum("jpeg", "png", "gif", "webp", "avif", "heic", name="imageformat", native_enum=False, length=32),
            nullable=True,
        ),
        sa.Column("byte_size", sa.BigInteger(), nullable=True),
        sa.Column("width_px", sa.Integer(), nullable=True),
        sa.Column("height_px", sa.Integer(), nullable=True),
        sa.Column("frames", sa.Integer(), nullable=True),
        sa.Column("has_alpha", sa.Boolean(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("upload_key", sa.String(), nullable=True),
        sa.Column("dedupe_key", sa.String(), nullable=True),
        sa.Column("exif", JSON, nullable=True),
        sa.Column("thumbhash", sa.String(), nullable=True),
        sa.Column("dominant_color", sa.String(), nullable=True),
        sa.Column("placeholder_png", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("uploaded_at", MOMENT, nullable=True),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.CheckConstraint("revision >= 0", name=op.f("ck_images_revision_not_negative")),
        sa.ForeignKeyConstraint(["alias_of"], ["images.id"], name=op.f("fk_images_alias_of")),
        sa.ForeignKeyConstraint(["owner_id"], ["accounts.id"], name=op.f("fk_images_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
        sa.UniqueConstraint("custom_key", name=op.f("uq_images_custom_key")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_images_dedupe_key")),
        sa.UniqueConstraint("short_id", name=op.f("uq_images_short_id")),
    )
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_images_alias_of"), ["alias_of"], unique=False)
        batch_op.create_index("ix_images_owner_id_created_at_id", ["owner_id", "created_at", "id"], unique=False)
        batch_op.create_index("ix_images_updated_at", ["updated_at"], unique=False)

    op.create_table(
        "upload_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("image_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "receiving",
                "completed",
                "expired",
                "cancelled",
                "failed",
                name="sessionstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("max_bytes", sa.BigInteger(), nullable=False),
        sa.Column("received_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("announced_sha256", sa.String(length=64), nullable=True),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("is_duplicate", sa.Boolean(), nullable=False),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.Column("error_details", JSON, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_upload_sessions_image_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["accounts.id"], name=op.f("fk_upload_sessions_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_upload_sessions_token_hash")),
    )
    with op.batch_alter_table("upload_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_upload_sessions_image_id"), ["image_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_upload_sessions_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index("ix_upload_sessions_state_expires_at", ["state", "expires_at"], unique=False)

    op.create_table(
        "variants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("image_id", sa.Uuid(), nullable=False),
        sa.Column(
            "family",
            sa.Enum("original", "jpeg", "png", "webp", "avif", name="family", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("size", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("planned", "rendering", "ready", "failed", name="variantstate", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("not_before", MOMENT, nullable=True),
        sa.Column("width_px", sa.Integer(), nullable=True),
        sa.Column("height_px", sa.Integer(), nullable=True),
        sa.Column("byte_size", sa.BigInteger(), nullable=True),
        sa.Column("content_type", sa.String(), nullable=True),
        sa.Column("is_animated", sa.Boolean(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("object_key", sa.String(), nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_variants_image_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variants")),
    )
    with op.batch_alter_table("variants", schema=None) as batch_op:
        batch_op.create_index(
            "ix_variants_unfinished",
            ["state", "lease_until"],
            unique=False,
            sqlite_where=sa.text("state IN ('planned', 'rendering')"),
            postgresql_where=sa.text("state IN ('planned', 'rendering')"),
        )
        batch_op.create_index("uq_variants_image_id_family_size", ["image_id", "family", "size"], unique=True)


def downgrade() -> None:
    with op.batch_alter_table("variants", schema=None) as batch_op:
        batch_op.drop_index("uq_variants_image_id_family_size")
        batch_op.drop_index(
            "ix_variants_unfinished",
            sqlite_where=sa.text("state IN ('planned', 'rendering')"),
            postgresql_where=sa.text("state IN ('planned', 'rendering')"),
        )

    op.drop_table("variants")
    with op.batch_alter_table("upload_sessions", schema=None) as batch_op:
        batch_op.drop_index("ix_upload_sessions_state_expires_at")
        batch_op.drop_index(batch_op.f("ix_upload_sessions_owner_id"))
        batch_op.drop_index(batch_op.f("ix_upload_sessions_image_id"))

    op.drop_table("upload_sessions")
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.drop_index("ix_images_updated_at")
        batch_op.drop_index("ix_images_owner_id_created_at_id")
        batch_op.drop_index(batch_op.f("ix_images_alias_of"))

    op.drop_table("images")
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_api_keys_account_id"))

    op.drop_table("api_keys")
    op.drop_table("accounts")
