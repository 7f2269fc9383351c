"""Make and parse identifiers: time-ordered UUIDs, short ids, tokens and keys."""

import base64
import hashlib
import hmac
import os
import secrets
import time
from enum import StrEnum
from typing import NewType
from uuid import UUID

AccountId = NewType("AccountId", UUID)
ApiKeyId = NewType("ApiKeyId", UUID)
ImageId = NewType("ImageId", UUID)
VariantId = NewType("VariantId", UUID)
AlbumId = NewType("AlbumId", UUID)
PresetId = NewType("PresetId", UUID)
SessionId = NewType("SessionId", UUID)

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHORT_ID_CHARACTERS = 10  # 62^10 = 8.4e17: a clash among 10 million images has a chance of 6e-5, and is tried again

UPLOAD_TOKEN_PREFIX = "slu_"  # noqa: S105  (the mark of a token, not a token)
REFRESH_TOKEN_PREFIX = "slr_"  # noqa: S105  (the mark of a token, not a token)
SHOWN_PREFIX_CHARACTERS = 10
"""How much of an API key may be shown to recognise it by."""


def make_uuid() -> UUID:
    """A version 7 UUID (RFC 9562, 5.7): ordered by time to the millisecond, else random."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    return UUID(int=value)


def parse_uuid(text: str) -> UUID | None:
    """The UUID that `text` spells in its canonical form, or None; never raises."""
    if len(text) != 36:
        return None
    try:
        value = UUID(text)
    except ValueError:
        return None
    return value if str(value) == text.lower() else None


def make_short_id() -> str:
    """Ten random characters of [0-9A-Za-z]."""
    return "".join(secrets.choice(_BASE62) for _ in range(_SHORT_ID_CHARACTERS))


def make_account_hash() -> str:
    """What stands for an account in delivery URLs: 22 characters, the first an underscore."""
    return "_" + "".join(secrets.choice(_BASE62) for _ in range(21))


class KeyStyle(StrEnum):
    """How an API key begins: clients of the other systems know their own by it. All are good everywhere."""

    SAFELIGHT = "sl_"
    PIXELFLARE = "pxf_"
    PIXELFOX = "pxl_"
    SLINK = "sk_"


def make_api_key(style: KeyStyle = KeyStyle.SAFELIGHT) -> str:
    """A new API key of 256 random bits; whoever has it is the account."""
    # Slink's keys are hexadecimal.
    return style.value + (secrets.token_hex(32) if style is KeyStyle.SLINK else secrets.token_urlsafe(32))


def make_refresh_token() -> str:
    """A new refresh token of 256 random bits; good for one more access token."""
    return REFRESH_TOKEN_PREFIX + secrets.token_urlsafe(32)


def derive_refresh_token(key: bytes, spent: str) -> str:
    """The refresh token that follows another one: its HMAC-SHA256, which only the holder of the key can make."""
    digest = hmac.new(key, spent.encode(), hashlib.sha256).digest()
    return REFRESH_TOKEN_PREFIX + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def make_signing_value() -> str:
    """A new secret that signs delivery addresses: 256 random bits in 64 hexadecimal digits."""
    return secrets.token_hex(32)


def make_upload_token() -> str:
    """A new upload token of 256 random bits; good for one file."""
    return UPLOAD_TOKEN_PREFIX + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """What is kept of a key or token.

    Plain SHA-256 is enough: the secrets have 256 random bits, so that there is nothing to guess slowly.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def make_custom_key(owner_id: AccountId, custom_id: str) -> str:
    """What is unique for an owner's own id of an image, in a length that an index takes."""
    return hashlib.sha256(f"{owner_id}:{custom_id}".encode()).hexdigest()


def is_same_secret(left: str, right: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())
