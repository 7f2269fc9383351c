"""Our ThumbHash is the published one, and takes transparency too."""

import pytest
import thumbhash
from hypothesis import given
from hypothesis import strategies as st

from app.rendering.child.thumbhash import encode_thumbhash


@given(st.integers(1, 40), st.integers(1, 40), st.randoms(use_true_random=False))
def test_an_opaque_picture_hashes_as_the_reference_says(width: int, height: int, random: object) -> None:
    values = getattr(random, "randrange")  # noqa: B009 - hypothesis types it as an object
    rgba = bytes(values(256) if index % 4 < 3 else 255 for index in range(4 * width * height))

    ours = encode_thumbhash(width, height, rgba)

    assert ours == bytes(thumbhash.rgba_to_thumb_hash(width, height, list(rgba)))


def test_transparency_is_in_the_hash() -> None:
    opaque = encode_thumbhash(8, 8, bytes((200, 100, 50, 255)) * 64)
    half = encode_thumbhash(8, 8, bytes((200, 100, 50, 255)) * 32 + bytes((200, 100, 50, 0)) * 32)
    clear = encode_thumbhash(8, 8, bytes(256))

    assert not opaque[2] & 0x80
    assert half[2] & 0x80
    assert clear[2] & 0x80
    assert half[5] & 15 == 8  # half of it is there


def test_a_raster_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="100×100"):
        encode_thumbhash(101, 1, bytes(404))
    with pytest.raises(ValueError, match="100×100"):
        encode_thumbhash(2, 2, bytes(15))
