"""The headers of tus 1.0.0: those that come, read strictly, and those that go."""

import base64
import binascii
from email.utils import format_datetime

from starlette.requests import Request

from app.db.records import SessionRecord
from app.errors import FileTooLarge, InvalidRequest
from app.services.uploads.parts import Checksum
from app.services.uploads.resuming import UploadProgress

VERSION = "1.0.0"
ALGORITHMS = ("sha1", "sha256", "md5")
PART_TYPE = "application/offset+octet-stream"
_MAX_DIGITS = 15
_MAX_METADATA_CHARACTERS = 16_384

# Secrets travel in headers and addresses that a page must know, never in cookies: any page may send its own files.
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, Upload-Offset, Upload-Length, Upload-Expires, Upload-Metadata, "
    "Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Image-Id, Retry-After, "
    "X-Request-Id",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST, PUT, HEAD, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, X-API-Key, Content-Type, Tus-Resumable, Upload-Length, "
    "Upload-Offset, Upload-Metadata, Upload-Checksum, X-HTTP-Method-Override, X-Requested-With, X-Request-ID",
    "Access-Control-Max-Age": "86400",
}


def check_version(request: Request) -> None:
    """Return if the client speaks this version.

    Raises:
        InvalidRequest: it does not; with the status 412.
    """
    if request.headers.get("tus-resumable") != VERSION:
        message = f"Send the header Tus-Resumable: {VERSION}."
        raise with_status(InvalidRequest(message, details={"field": "Tus-Resumable"}), 412)


def with_status(error: InvalidRequest, status: int) -> InvalidRequest:
    """The same error with the status that tus has for it."""
    error.status = status  # type: ignore[misc]  # one refusal's own, in place of its class's
    return error


def read_count(request: Request, name: str) -> int:
    """A header that is a whole number, from 0.

    Raises:
        InvalidRequest: it is missing or no such number.
        FileTooLarge: it has more digits than any file has bytes.
    """
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdigit()):
        raise InvalidRequest(f"{name} must be a whole number.", details={"field": name})
    if len(text) > _MAX_DIGITS:
        raise FileTooLarge("The file is too large.", details={"field": name})
    return int(text)


def read_checksum(request: Request) -> Checksum | None:
    """What the part's bytes shall hash to, where the client says it."""
    text = request.headers.get("upload-checksum")
    if text is None:
        return None
    algorithm, _, encoded = text.partition(" ")
    if algorithm not in ALGORITHMS:
        message = f"Upload-Checksum takes {', '.join(ALGORITHMS)}."
        raise InvalidRequest(message, details={"field": "Upload-Checksum"})
    return Checksum(algorithm, _decode(encoded, "Upload-Checksum"))


def read_metadata(request: Request) -> dict[str, str]:
    """What the client says of the file, by key.

    Raises:
        InvalidRequest: it is not made as tus has it, or holds what is no UTF-8.
    """
    text = request.headers.get("upload-metadata", "").strip()
    if len(text) > _MAX_METADATA_CHARACTERS:
        raise _bad_metadata()
    said: dict[str, str] = {}
    for pair in text.split(",") if text else ():
        key, _, encoded = pair.strip().partition(" ")
        if not key or key in said:
            raise _bad_metadata()
        try:
            said[key] = _decode(encoded, "Upload-Metadata").decode()
        except UnicodeDecodeError as error:
            raise _bad_metadata() from error
    return said


def expiry_header(session: SessionRecord) -> dict[str, str]:
    """When a session takes no bytes any more."""
    return {"Upload-Expires": format_datetime(session.expires_at, usegmt=True)}


def progress_headers(progress: UploadProgress) -> dict[str, str]:
    """How far an upload is, when it ends, and what image it has become."""
    headers = {"Upload-Offset": str(progress.offset_bytes), **expiry_header(progress.session)}
    if progress.is_complete:
        headers["Image-Id"] = str(progress.snapshot.image.id)
    return headers


def _decode(encoded: str, field: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"{field} holds what is no Base64.", details={"field": field}) from error


def _bad_metadata() -> InvalidRequest:
    message = "Upload-Metadata must be pairs of a key and a Base64 of UTF-8, parted by commas; each key once."
    return InvalidRequest(message, details={"field": "Upload-Metadata"})
