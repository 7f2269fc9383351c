"""Answers of an S3 store that are none: asked again where that may help, reported with the store's own code."""

import errno
import random
import time
from types import TracebackType
from typing import Self

import urllib3
from minio.error import MinioException, S3Error
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import HTTPError, MaxRetryError
from urllib3.exceptions import TimeoutError as SlowError

from app.foreign_errors import report_foreign_error
from app.storage.port import StoreUnavailable

_TRIES_AGAIN = 2
_MIN_PAUSE_S, _MAX_PAUSE_S = 0.1, 0.3
_PASSING = frozenset({500, 502, 503, 504})
"""Of an overloaded store or of a proxy before it; 503 is SlowDown, too."""

_MAX_TEXT = 200
_REMEDIES = {
    "RequestTimeTooSkewed": "The object store refuses requests because the clock of this machine is wrong. Set it.",
    "SignatureDoesNotMatch": "The object store refuses the secret. Check SAFELIGHT_STORE_URL.",
    "InvalidAccessKeyId": "The object store does not know the access key. Check SAFELIGHT_STORE_URL.",
    "AccessDenied": "The object store refuses access. Give the key of SAFELIGHT_STORE_URL the rights it lacks.",
    "NoSuchBucket": "The bucket of SAFELIGHT_STORE_URL is not there.",
    "AuthorizationHeaderMalformed": "The bucket is in another region: set `region` in SAFELIGHT_STORE_URL.",
    "PermanentRedirect": "The bucket is in another region: set `region` in SAFELIGHT_STORE_URL.",
    "SlowDown": "The object store has too much to do.",
    "XMinioStorageFull": "The object store is full.",
}


class ShortRetry(urllib3.Retry):
    """Tries again once or twice after a broken connection or a passing answer; never after a time limit.

    The pauses are short, because a request has less than 3 s for all of it.
    """

    @classmethod
    def make(cls) -> Self:
        """For a pool of connections."""
        return cls(
            total=_TRIES_AGAIN,
            connect=1,
            read=1,
            redirect=0,
            status=_TRIES_AGAIN,
            status_forcelist=_PASSING,
            allowed_methods=None,  # all of them: what is stored under a key does not depend on how often it is sent
            raise_on_status=False,
            respect_retry_after_header=False,
        )

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: urllib3.BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """As urllib3 does, except for an answer that took too long."""
        if isinstance(error, SlowError):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)

    def sleep(self, response: urllib3.BaseHTTPResponse | None = None) -> None:
        """Wait a moment, not the same for all."""
        if response is not None:
            time.sleep(random.uniform(_MIN_PAUSE_S, _MAX_PAUSE_S))  # noqa: S311  (no secret)


_NOT_OFFERED = frozenset({"NotImplemented", "MethodNotAllowed", "NotSupported", "UnsupportedOperation"})
_STATUS_NOT_OFFERED = frozenset({405, 501})


def is_not_offered(error: MinioException) -> bool:
    """Does the store lack the operation, so that another one must do?"""
    status = getattr(error, "status_code", None)
    return status in _STATUS_NOT_OFFERED or (isinstance(error, S3Error) and error.code in _NOT_OFFERED)


def explain(error: Exception) -> StoreUnavailable:
    """The error that callers get, with the remedy where the store's code names one; reports the store's own."""
    code = _code_of(error)
    explained = StoreUnavailable(_REMEDIES.get(code) or f"The object store does not answer: {_text_of(error)}")
    report_foreign_error("store", operation="request", code=code, error=OSError(explained.advice))
    return explained


def _text_of(error: Exception) -> str:
    cause = error.reason if isinstance(error, MaxRetryError) and error.reason is not None else error
    return f"{type(cause).__name__}: {cause}"[:_MAX_TEXT]


def _code_of(error: Exception) -> str:
    if isinstance(error, S3Error):
        return str(error.code or "S3Error")
    cause: BaseException | None = error.reason if isinstance(error, MaxRetryError) else error
    if isinstance(cause, OSError) and cause.errno:
        return errno.errorcode.get(cause.errno, type(cause).__name__)
    return type(cause if isinstance(cause, HTTPError) else error).__name__
