"""Types of the functions of libheif that decoding uses."""

import ctypes
from typing import Any

_Handle = ctypes.c_void_p


class Error(ctypes.Structure):
    """heif_error; code 0 is success."""

    _fields_ = (("code", ctypes.c_int), ("subcode", ctypes.c_int), ("message", ctypes.c_char_p))


class ColorProfile(ctypes.Structure):
    """The beginning of heif_color_profile_nclx; the library allocates it."""

    _fields_ = (
        ("version", ctypes.c_uint8),
        ("primaries", ctypes.c_int),
        ("transfer", ctypes.c_int),
        ("matrix", ctypes.c_int),
        ("is_full_range", ctypes.c_uint8),
    )


class DecodingOptions(ctypes.Structure):
    """The beginning of heif_decoding_options; the library allocates it."""

    _fields_ = (
        ("version", ctypes.c_uint8),
        ("ignore_transformations", ctypes.c_uint8),
        ("start_progress", ctypes.c_void_p),
        ("on_progress", ctypes.c_void_p),
        ("end_progress", ctypes.c_void_p),
        ("progress_user_data", ctypes.c_void_p),
        ("convert_hdr_to_8bit", ctypes.c_uint8),
    )


def declare(library: Any) -> None:
    """Set the argument and result types.

    Raises:
        AttributeError: this libheif lacks a function.
    """
    number, text, out = ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(_Handle)
    profile = ctypes.POINTER(ColorProfile)
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "heif_context_alloc": (_Handle, []),
        "heif_context_free": (None, [_Handle]),
        "heif_context_read_from_file": (Error, [_Handle, text, _Handle]),
        "heif_context_get_primary_image_handle": (Error, [_Handle, out]),
        "heif_image_handle_release": (None, [_Handle]),
        "heif_image_handle_get_width": (number, [_Handle]),
        "heif_image_handle_get_height": (number, [_Handle]),
        "heif_image_handle_has_alpha_channel": (number, [_Handle]),
        "heif_image_handle_is_premultiplied_alpha": (number, [_Handle]),
        "heif_image_handle_get_luma_bits_per_pixel": (number, [_Handle]),
        "heif_image_handle_get_raw_color_profile_size": (ctypes.c_size_t, [_Handle]),
        "heif_image_handle_get_raw_color_profile": (Error, [_Handle, _Handle]),
        "heif_image_handle_get_nclx_color_profile": (Error, [_Handle, ctypes.POINTER(profile)]),
        "heif_image_get_nclx_color_profile": (Error, [_Handle, ctypes.POINTER(profile)]),
        "heif_nclx_color_profile_free": (None, [profile]),
        "heif_decoding_options_alloc": (_Handle, []),
        "heif_decoding_options_free": (None, [_Handle]),
        "heif_decode_image": (Error, [_Handle, out, number, number, _Handle]),
        "heif_image_release": (None, [_Handle]),
        "heif_image_get_width": (number, [_Handle, number]),
        "heif_image_get_height": (number, [_Handle, number]),
        "heif_image_get_bits_per_pixel_range": (number, [_Handle, number]),
        "heif_image_get_plane_readonly": (_Handle, [_Handle, number, ctypes.POINTER(number)]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
