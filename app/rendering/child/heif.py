"""AVIF and HEIC decoded by libheif itself: ImageMagick 6.9 drops alpha, colour profiles and CICP.

Rotation, mirroring, cropping and grids are applied by libheif. Only functions that it has had since 1.12 are used.
"""

import ctypes
import ctypes.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.rendering.child.cicp import make_cicp_profile
from app.rendering.child.heif_types import ColorProfile, DecodingOptions, declare

_RGB, _INTERLEAVED = 1, 10
# By (more than 8 bits, alpha): interleaved RGB and RGBA, of bytes or of little-endian 16-bit words.
_CHROMA = {(False, False): 10, (False, True): 11, (True, False): 14, (True, True): 15}
_MAX_DEEP_PIXELS = 25_000_000
"""Above this, 10 and 12 bits are cut to 8 while decoding: twice the bytes would not fit into the sandbox."""
_MAX_PROFILE_BYTES = 4 * 1024 * 1024

_Handle = ctypes.c_void_p


class HEIFUndecodable(Exception):
    """libheif cannot decode the file."""


@dataclass(frozen=True, slots=True)
class HEIFPixels:
    """Decoded pixels in libheif's memory; valid until the context manager that gave them ends."""

    width_px: int
    height_px: int
    has_alpha: bool
    is_premultiplied: bool
    bits: int
    profile: bytes | None
    """ICC profile of the pixels: the file's own, or one made from its CICP numbers. None for sRGB."""
    address: int
    stride: int

    def rows(self) -> Iterator[bytes]:
        """Each row, interleaved: bytes for 8 bits, else 16-bit words of the full range."""
        channels, word_bytes = (4 if self.has_alpha else 3), (2 if self.bits > 8 else 1)
        row_bytes = self.width_px * channels * word_bytes
        for y in range(self.height_px):
            row = ctypes.string_at(self.address + y * self.stride, row_bytes)
            yield row if self.bits in {8, 16} else _widen(row, self.bits)


class HEIFDecoder:
    """The library with its types declared; one for the whole process, used from any thread."""

    def __init__(self, library: ctypes.CDLL) -> None:
        # `Any`: functions of a library are made at run time.
        self._lib: Any = library
        declare(self._lib)

    @contextmanager
    def decode(self, path: str) -> Iterator[HEIFPixels]:
        """Decode the primary image.

        Raises:
            HEIFUndecodable: broken bytes, an unsupported codec, or too little memory.
        """
        image = _Handle()
        try:
            # The context, with the file's bytes, is freed before the caller copies the pixels.
            with self._primary(path) as handle:
                facts = self._decode(handle, image)
            yield facts
        finally:
            if image:
                self._lib.heif_image_release(image)

    @contextmanager
    def _primary(self, path: str) -> Iterator[_Handle]:
        context, handle = _Handle(self._lib.heif_context_alloc()), _Handle()
        try:
            self._check(self._lib.heif_context_read_from_file(context, path.encode(), None))
            self._check(self._lib.heif_context_get_primary_image_handle(context, ctypes.byref(handle)))
            yield handle
        finally:
            if handle:
                self._lib.heif_image_handle_release(handle)
            self._lib.heif_context_free(context)

    def _decode(self, handle: _Handle, image: _Handle) -> HEIFPixels:
        lib = self._lib
        size = lib.heif_image_handle_get_width(handle), lib.heif_image_handle_get_height(handle)
        has_alpha = bool(lib.heif_image_handle_has_alpha_channel(handle))
        is_deep = lib.heif_image_handle_get_luma_bits_per_pixel(handle) > 8 and size[0] * size[1] <= _MAX_DEEP_PIXELS
        with self._options(is_deep=is_deep) as options:
            chroma = _CHROMA[is_deep, has_alpha]
            self._check(lib.heif_decode_image(handle, ctypes.byref(image), _RGB, chroma, options))
        stride = ctypes.c_int()
        address = lib.heif_image_get_plane_readonly(image, _INTERLEAVED, ctypes.byref(stride))
        if not address:
            raise HEIFUndecodable
        return HEIFPixels(
            width_px=lib.heif_image_get_width(image, _INTERLEAVED),
            height_px=lib.heif_image_get_height(image, _INTERLEAVED),
            has_alpha=has_alpha,
            is_premultiplied=has_alpha and bool(lib.heif_image_handle_is_premultiplied_alpha(handle)),
            bits=lib.heif_image_get_bits_per_pixel_range(image, _INTERLEAVED) if is_deep else 8,
            profile=self._read_icc(handle) or self._read_cicp(handle, image),
            address=address,
            stride=stride.value,
        )

    @contextmanager
    def _options(self, *, is_deep: bool) -> Iterator[Any]:
        options = self._lib.heif_decoding_options_alloc()
        try:
            ctypes.cast(options, ctypes.POINTER(DecodingOptions)).contents.convert_hdr_to_8bit = not is_deep
            yield options
        finally:
            self._lib.heif_decoding_options_free(options)

    def _read_icc(self, handle: _Handle) -> bytes | None:
        size = self._lib.heif_image_handle_get_raw_color_profile_size(handle)
        if not 0 < size <= _MAX_PROFILE_BYTES:
            return None
        content = ctypes.create_string_buffer(size)
        error = self._lib.heif_image_handle_get_raw_color_profile(handle, content)
        return None if error.code else content.raw

    def _read_cicp(self, handle: _Handle, image: _Handle) -> bytes | None:
        # The container's numbers come before the bitstream's, which libheif puts on the decoded image.
        read_container = self._lib.heif_image_handle_get_nclx_color_profile
        read_bitstream = self._lib.heif_image_get_nclx_color_profile
        for read, source in ((read_container, handle), (read_bitstream, image)):
            profile = ctypes.POINTER(ColorProfile)()
            if not read(source, ctypes.byref(profile)).code and profile:
                numbers = profile.contents.primaries, profile.contents.transfer
                self._lib.heif_nclx_color_profile_free(profile)
                return make_cicp_profile(*numbers)
        return None

    @staticmethod
    def _check(error: Any) -> None:
        if error.code:
            raise HEIFUndecodable(error.code)


@cache
def load_decoder() -> HEIFDecoder | None:
    """The decoder, or None where libheif cannot be loaded or is too old."""
    name = ctypes.util.find_library("heif")
    if name is None:
        return None
    try:
        return HEIFDecoder(ctypes.CDLL(name))
    except (OSError, AttributeError):
        return None


def _widen(row: bytes, bits: int) -> bytes:
    # One large number for the row: no word overflows into the next, as each has 16 - bits spare bits.
    spare = 16 - bits
    mask = int.from_bytes(((1 << spare) - 1).to_bytes(2, "little") * (len(row) // 2), "little")
    words = int.from_bytes(row, "little")
    return ((words << spare) | ((words >> (bits - spare)) & mask)).to_bytes(len(row), "little")
