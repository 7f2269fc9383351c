"""The caller's own account, and the server, as clients see them."""

from datetime import datetime

import strawberry

from app.schema.enums import Family, MetadataPolicy, Scope, Visibility
from app.schema.node import Node
from app.schema.scalars import BigInt
from app.services.accounts.accounts import AccountView


@strawberry.type(description="Images and bytes of the account.")
class ImageStats:
    """What is kept."""

    count: int = strawberry.field(description="Images, without drafts.")
    storage_used_bytes: BigInt = strawberry.field(description="Bytes of uploads; open sessions count as used.")
    storage_remaining_bytes: BigInt | None = strawberry.field(
        description="Null without a quota. Open sessions' reservations count as used."
    )


@strawberry.type(description="Albums of the account.")
class AlbumStats:
    """What is kept."""

    count: int = strawberry.field(description="Albums, empty ones too.")


@strawberry.type(description="What the account has.")
class AccountStats:
    """Usage."""

    images: ImageStats = strawberry.field(description="Images and bytes.")
    albums: AlbumStats = strawberry.field(description="Albums.")


@strawberry.type(description="What the account may.")
class AccountLimits:
    """The plan's limits on this server."""

    max_upload_bytes: BigInt = strawberry.field(description="Bytes of one upload.")
    storage_quota_bytes: BigInt | None = strawberry.field(description="Null: no quota.")
    max_images: int | None = strawberry.field(description="Null: no limit.")
    can_multi_upload: bool = strawberry.field(description="May several sessions be open at once?")
    image_upload_enabled: bool = strawberry.field(description="Are uploads open at all?")
    direct_upload_enabled: bool = strawberry.field(description="May uploads go by session and token?")
    allowed_thumbnail_formats: list[Family] = strawberry.field(description="Families that may be asked for.")


@strawberry.type(description="What new images get where a request says nothing.")
class AccountPreferences:
    """The owner's choices."""

    thumbnail_original: bool = strawberry.field(description="Does DEFAULT make small and medium in the own format?")
    thumbnail_webp: bool = strawberry.field(description="Does DEFAULT make small and medium as WebP?")
    thumbnail_avif: bool = strawberry.field(description="Does DEFAULT make small and medium as AVIF?")
    nsfw_default: bool = strawberry.field(description="Are new images not safe for work?")
    visibility_default: Visibility = strawberry.field(description="Who may see new images.")
    metadata_default: MetadataPolicy = strawberry.field(
        description="What a served original keeps. The bytes as uploaded are always kept for the owner."
    )
    flexible_variants: bool = strawberry.field(description="May anyone put any transformation in a CDN URL, unsigned?")
    browser_ttl: int = strawberry.field(
        description="Seconds, 0 to 31,536,000: max-age of CDN answers that are not content-addressed."
    )


@strawberry.type(description="The account that the credential belongs to.")
class Viewer(Node):
    """Who asks."""

    username: str = strawberry.field(description="3 to 32 of [a-z0-9-].")
    display_name: str | None = strawberry.field(description="As the owner wants to be called.")
    email: str | None = strawberry.field(description="Where the owner can be reached.")
    status: str = strawberry.field(description="active or disabled.")
    plan: str = strawberry.field(description="The plan's name.")
    scopes: list[Scope] = strawberry.field(description="The scopes of the credential that asks.")
    created_at: datetime = strawberry.field(description="When the account was made.")
    last_login_at: datetime | None = strawberry.field(description="Last sign-in; null where there was none.")
    api_key_last_used_at: datetime | None = strawberry.field(description="Last use of any key, to the minute.")
    account_hash: str = strawberry.field(description="What stands for {account_hash} in delivery URLs.")
    stats: AccountStats = strawberry.field(description="What it has.")
    limits: AccountLimits = strawberry.field(description="What it may.")
    preferences: AccountPreferences = strawberry.field(description="What new images get.")


def viewer_of(view: AccountView, scopes: frozenset[Scope]) -> Viewer:
    """An account, for its owner."""
    account = view.account
    return Viewer(
        id=strawberry.ID(str(account.id)),
        username=account.username,
        display_name=account.display_name,
        email=account.email,
        status=account.status,
        plan=account.plan,
        scopes=sorted(scopes, key=list(Scope).index),
        created_at=account.created_at,
        last_login_at=account.last_login_at,
        api_key_last_used_at=view.last_key_use_at,
        account_hash=account.account_hash,
        stats=_stats_of(view),
        limits=_limits_of(view),
        preferences=_preferences_of(view),
    )


def _stats_of(view: AccountView) -> AccountStats:
    remaining = None if view.remaining_bytes is None else BigInt(view.remaining_bytes)
    images = ImageStats(
        count=view.usage.images, storage_used_bytes=BigInt(view.used_bytes), storage_remaining_bytes=remaining
    )
    return AccountStats(images=images, albums=AlbumStats(count=view.usage.albums))


def _limits_of(view: AccountView) -> AccountLimits:
    plan = view.plan
    return AccountLimits(
        max_upload_bytes=BigInt(plan.max_upload_bytes),
        storage_quota_bytes=None if plan.storage_quota_bytes is None else BigInt(plan.storage_quota_bytes),
        max_images=plan.max_images,
        can_multi_upload=plan.can_multi_upload,
        image_upload_enabled=plan.image_upload_enabled,
        direct_upload_enabled=plan.direct_upload_enabled,
        allowed_thumbnail_formats=[family for family in Family if family in plan.allowed_families],
    )


def _preferences_of(view: AccountView) -> AccountPreferences:
    chosen = view.preferences
    return AccountPreferences(
        thumbnail_original=chosen.thumbnails.original,
        thumbnail_webp=chosen.thumbnails.webp,
        thumbnail_avif=chosen.thumbnails.avif,
        nsfw_default=chosen.nsfw_default,
        visibility_default=chosen.visibility_default,
        metadata_default=chosen.metadata_default,
        flexible_variants=chosen.flexible_variants,
        browser_ttl=chosen.browser_ttl_s,
    )


@strawberry.input(description="Changed preferences: what is omitted stays, null puts the default back.")
class UpdatePreferencesInput:
    """Changes."""

    thumbnail_original: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Shall DEFAULT make small and medium in the own format?"
    )
    thumbnail_webp: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Shall DEFAULT make small and medium as WebP?"
    )
    thumbnail_avif: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Shall DEFAULT make small and medium as AVIF?"
    )
    nsfw_default: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Are new images not safe for work?"
    )
    visibility_default: Visibility | None = strawberry.field(
        default=strawberry.UNSET, description="Who may see new images."
    )
    metadata_default: MetadataPolicy | None = strawberry.field(
        default=strawberry.UNSET, description="What served originals of new images keep."
    )
    flexible_variants: bool | None = strawberry.field(
        default=strawberry.UNSET, description="May anyone put any transformation in a CDN URL, unsigned?"
    )
    browser_ttl: int | None = strawberry.field(
        default=strawberry.UNSET, description="Seconds, 0 to 31,536,000: max-age of CDN answers."
    )


@strawberry.type(description="Preferences were changed.")
class PreferencesPayload:
    """Answer of updatePreferences."""

    viewer: Viewer = strawberry.field(description="The account as it is now.")


_KEPT_NAMES = {"browser_ttl": "browser_ttl_s"}


def read_preferences(changes: UpdatePreferencesInput) -> dict[str, object]:
    """What is named, under the names that are kept; None puts the default back."""
    named = {name: value for name, value in vars(changes).items() if value is not strawberry.UNSET}
    return {_KEPT_NAMES.get(name, name): value for name, value in named.items()}


@strawberry.type(description="What this server is and takes; anyone may ask.")
class ServerInfo:
    """The server."""

    version: str = strawberry.field(description="Safelight's release.")
    input_formats: list[str] = strawberry.field(description="Media types that are taken.")
    output_families: list[Family] = strawberry.field(description="Families that are made.")
    max_upload_bytes: BigInt = strawberry.field(description="Bytes of the largest upload.")
    max_pixels: BigInt = strawberry.field(description="Pixels of the largest frame.")
    guest_uploads: bool = strawberry.field(description="May uploads be made without a credential?")
