"""The camera's facts out of any picture's EXIF."""

import re
from datetime import datetime
from typing import BinaryIO

from app.domain.formats import ImageFormat
from app.domain.headers import heif, jpeg, png, tiff, webp
from app.domain.headers.facts import ExifFacts, HeaderFacts
from app.domain.headers.tiff import Directory
from app.errors import SafelightError

_MAKE, _MODEL, _ARTIST, _COPYRIGHT = 0x010F, 0x0110, 0x013B, 0x8298
_EXPOSURE_TIME, _F_NUMBER, _ISO, _FOCAL_LENGTH = 0x829A, 0x829D, 0x8827, 0x920A
_TAKEN_AT, _TAKEN_OFFSET, _LENS = 0x9003, 0x9011, 0xA434
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4

_OFFSET = re.compile(r"[+-]([01]\d|2[0-3]):[0-5]\d")


def read_exif(file: BinaryIO, facts: HeaderFacts) -> ExifFacts | None:
    """What the camera noted, as far as it makes sense; None where it noted nothing. Never raises on bad bytes."""
    block = find_exif_block(file, facts.format)
    found = parse_exif(block) if block else ExifFacts()
    return None if found == ExifFacts() else found


def find_exif_block(file: BinaryIO, codec: ImageFormat) -> bytes | None:
    """The picture's EXIF block as bytes, or None where there is none or the file is broken."""
    try:
        match codec:
            case ImageFormat.JPEG:
                return jpeg.find_exif(file)
            case ImageFormat.PNG:
                return png.find_exif(file)
            case ImageFormat.WEBP:
                return webp.find_exif(file)
            case ImageFormat.AVIF | ImageFormat.HEIC:
                return heif.find_exif(file)
            case ImageFormat.GIF:
                return None
    except SafelightError:
        return None


def parse_exif(block: bytes) -> ExifFacts:
    """The facts of one EXIF block; texts are clean and at most 255 characters, numbers finite and in range."""
    root = tiff.read_directory(block)
    camera = tiff.read_sub_directory(block, root, tiff.EXIF_IFD)
    position = tiff.read_sub_directory(block, root, tiff.GPS_IFD)
    latitude = _read_degrees(position, _LATITUDE, _LATITUDE_REF, most=90)
    longitude = _read_degrees(position, _LONGITUDE, _LONGITUDE_REF, most=180)
    has_position = latitude is not None and longitude is not None
    iso = _read_positive(camera, _ISO)
    return ExifFacts(
        make=tiff.find_text(root, _MAKE),
        model=tiff.find_text(root, _MODEL),
        lens=tiff.find_text(camera, _LENS),
        taken_at=_read_time(camera),
        exposure_time=_read_exposure(camera),
        f_number=_read_positive(camera, _F_NUMBER),
        iso=None if iso is None else int(iso),
        focal_length_mm=_read_positive(camera, _FOCAL_LENGTH),
        latitude=latitude if has_position else None,
        longitude=longitude if has_position else None,
        copyright=tiff.find_text(root, _COPYRIGHT),
        artist=tiff.find_text(root, _ARTIST),
    )


def _read_positive(directory: Directory, tag: int) -> float | None:
    number = tiff.find_number(directory, tag)
    return number if number is not None and number > 0 else None


def _read_time(camera: Directory) -> str | None:
    noted = tiff.find_text(camera, _TAKEN_AT)
    if noted is None:
        return None
    try:
        taken_at = datetime.strptime(noted, "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    offset = tiff.find_text(camera, _TAKEN_OFFSET) or ""
    return taken_at.isoformat() + (offset if _OFFSET.fullmatch(offset) else "")


def _read_exposure(camera: Directory) -> str | None:
    fraction = tiff.find_fraction(camera, _EXPOSURE_TIME)
    if fraction is None:
        return None
    numerator, denominator = fraction
    if numerator >= denominator:
        return f"{numerator / denominator:g}"
    return f"1/{round(denominator / numerator)}"


def _read_degrees(position: Directory, tag: int, ref_tag: int, *, most: int) -> float | None:
    numbers, ref = tiff.list_numbers(position, tag)[:3], tiff.find_text(position, ref_tag)
    if len(numbers) < 3 or ref is None or min(numbers) < 0:
        return None
    degrees = numbers[0] + numbers[1] / 60 + numbers[2] / 3600
    if degrees > most:
        return None
    return round(-degrees if ref[:1].upper() in {"S", "W"} else degrees, 6)
