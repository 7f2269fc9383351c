"""Colour profiles, the one kind of metadata that a picture needs to look right."""

from app.domain.cleaning.scripts import has_scripts
from app.domain.headers.reading import be32

MAX_PROFILE_BYTES = 4 << 20
"""The largest profiles of printers have about 2 MB."""

_HEAD_BYTES = 128


def trim_profile(profile: bytes) -> bytes | None:
    """The ICC profile without what stands behind its end, or None for bytes that are none or hold program text."""
    length = be32(profile)
    if profile[36:40] != b"acsp" or not _HEAD_BYTES <= length <= len(profile) or has_scripts(profile):
        return None
    return profile[:length]
