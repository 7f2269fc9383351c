"""The errors of the house, each with a stable code; nothing else.

SafelightError
├── InvalidRequest            400  INVALID_REQUEST
│   ├── ChecksumMismatch      400  CHECKSUM_MISMATCH
│   ├── UploadIncomplete      400  UPLOAD_INCOMPLETE
│   ├── DerivativeNotAllowed  400  DERIVATIVE_NOT_ALLOWED
│   ├── QueryTooComplex       400  QUERY_TOO_COMPLEX
│   └── UrlNotAllowed         400  URL_NOT_ALLOWED
├── Unauthorized              401  UNAUTHORIZED
├── Forbidden                 403  FORBIDDEN
├── NotFound                  404  NOT_FOUND
├── Conflict                  409  CONFLICT
│   └── UploadAlreadyUsed     409  UPLOAD_ALREADY_USED
├── UploadExpired             410  UPLOAD_EXPIRED
├── FileTooLarge              413  FILE_TOO_LARGE
├── QuotaExceeded             413  QUOTA_EXCEEDED
├── ImageTooLarge             413  IMAGE_TOO_LARGE
├── InvalidFileType           415  INVALID_FILE_TYPE
├── InvalidImage              422  INVALID_IMAGE
├── RateLimited               429  RATE_LIMITED
├── FetchFailed               502  FETCH_FAILED
├── RenderFailed              502  RENDER_FAILED
├── VariantNotReady           503  VARIANT_NOT_READY
├── Unavailable               503  UNAVAILABLE
│   └── Starved               503  UNAVAILABLE
├── RenderTimeout             504  RENDER_TIMEOUT
└── InternalError             500  INTERNAL
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar


class ErrorCode(StrEnum):
    """Stable names of what can go wrong; clients branch on these."""

    INVALID_REQUEST = "INVALID_REQUEST"
    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    RATE_LIMITED = "RATE_LIMITED"
    INVALID_FILE_TYPE = "INVALID_FILE_TYPE"
    FILE_TOO_LARGE = "FILE_TOO_LARGE"
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE"
    INVALID_IMAGE = "INVALID_IMAGE"
    CHECKSUM_MISMATCH = "CHECKSUM_MISMATCH"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    UPLOAD_EXPIRED = "UPLOAD_EXPIRED"
    UPLOAD_ALREADY_USED = "UPLOAD_ALREADY_USED"
    UPLOAD_INCOMPLETE = "UPLOAD_INCOMPLETE"
    DERIVATIVE_NOT_ALLOWED = "DERIVATIVE_NOT_ALLOWED"
    VARIANT_NOT_READY = "VARIANT_NOT_READY"
    RENDER_FAILED = "RENDER_FAILED"
    RENDER_TIMEOUT = "RENDER_TIMEOUT"
    URL_NOT_ALLOWED = "URL_NOT_ALLOWED"
    FETCH_FAILED = "FETCH_FAILED"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


class SafelightError(Exception):
    """Something a caller may catch: a code, a sentence for a person, and facts for a program.

    `message` is public: it never holds a path, a query, a class name or a secret.
    """

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL
    status: ClassVar[int] = 500
    is_fault: ClassVar[bool] = False
    """True where the fault is ours and someone must look."""

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, object] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, object] = dict(details or {})
        self.retry_after_s = retry_after_s


class InvalidRequest(SafelightError):
    """The request cannot be understood or breaks a rule; `details.field` names the input at fault."""

    code, status = ErrorCode.INVALID_REQUEST, 400


class ChecksumMismatch(InvalidRequest):
    """The bytes that came are not those whose SHA-256 was announced."""

    code = ErrorCode.CHECKSUM_MISMATCH


class UploadIncomplete(InvalidRequest):
    """The body ended before its own end."""

    code = ErrorCode.UPLOAD_INCOMPLETE


class DerivativeNotAllowed(InvalidRequest):
    """The plan or this server does not make a derivative that was asked for; `details.derivatives` names each."""

    code = ErrorCode.DERIVATIVE_NOT_ALLOWED


class QueryTooComplex(InvalidRequest):
    """A GraphQL document costs more than one request may."""

    code = ErrorCode.QUERY_TOO_COMPLEX


class UrlNotAllowed(InvalidRequest):
    """A URL is not fetched: it is no http(s) URL, or leads to what is not of the public internet."""

    code = ErrorCode.URL_NOT_ALLOWED


class Unauthorized(SafelightError):
    """No credential came, or none that is good."""

    code, status = ErrorCode.UNAUTHORIZED, 401


class Forbidden(SafelightError):
    """The credential is good, but lacks the scope."""

    code, status = ErrorCode.FORBIDDEN, 403


class NotFound(SafelightError):
    """Not there, or not the caller's to see: from outside they look the same."""

    code, status = ErrorCode.NOT_FOUND, 404


class Conflict(SafelightError):
    """Somebody else holds what was asked for."""

    code, status = ErrorCode.CONFLICT, 409


class UploadAlreadyUsed(Conflict):
    """The session has taken its one file already."""

    code = ErrorCode.UPLOAD_ALREADY_USED


class UploadExpired(SafelightError):
    """The session's time is over, or it was cancelled."""

    code, status = ErrorCode.UPLOAD_EXPIRED, 410


class FileTooLarge(SafelightError):
    """More bytes than the session or the plan allows; `details.maxBytes`."""

    code, status = ErrorCode.FILE_TOO_LARGE, 413


class QuotaExceeded(SafelightError):
    """The account's storage is used up; `details.remaining` and `details.needed`, in bytes."""

    code, status = ErrorCode.QUOTA_EXCEEDED, 413


class ImageTooLarge(SafelightError):
    """The headers promise more than the budget; `details.pixels` and `details.maxPixels`, or `details.limit`."""

    code, status = ErrorCode.IMAGE_TOO_LARGE, 413


class InvalidFileType(SafelightError):
    """The bytes are no picture of a format that is taken; `details.detected` and `details.allowed`."""

    code, status = ErrorCode.INVALID_FILE_TYPE, 415


class InvalidImage(SafelightError):
    """The bytes claim to be a picture and cannot be decoded as one."""

    code, status = ErrorCode.INVALID_IMAGE, 422


class RateLimited(SafelightError):
    """Too many requests of a kind; `retry_after_s` says when the next may come."""

    code, status = ErrorCode.RATE_LIMITED, 429


class FetchFailed(SafelightError):
    """A URL's host cannot be reached, or has no such file."""

    code, status = ErrorCode.FETCH_FAILED, 502


class RenderFailed(SafelightError):
    """A variant could not be made, finally."""

    code, status = ErrorCode.RENDER_FAILED, 502


class VariantNotReady(SafelightError):
    """The variant is planned and not made yet."""

    code, status = ErrorCode.VARIANT_NOT_READY, 503


class Unavailable(SafelightError):
    """A part of the house (database, Redis, store) does not answer; the same request may go through later."""

    code, status = ErrorCode.UNAVAILABLE, 503


class Lack(StrEnum):
    """What the machine had too little of for a job."""

    MEMORY = "memory"
    TIME = "time"


class Starved(Unavailable):
    """A job in the sandbox was ended from outside, because the machine had too little memory or time for it."""

    def __init__(self, lack: Lack) -> None:
        super().__init__(f"The server had too little {lack} for this image. Try again later.", retry_after_s=5)
        self.lack = lack


class RenderTimeout(SafelightError):
    """Rendering overstayed its time."""

    code, status = ErrorCode.RENDER_TIMEOUT, 504


class InternalError(SafelightError):
    """What nobody foresaw."""

    code, status, is_fault = ErrorCode.INTERNAL, 500, True
