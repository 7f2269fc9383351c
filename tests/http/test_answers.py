"""Errors as HTTP tells them: status, body and headers of http.md, section 4."""

import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from app import errors
from app.errors import ErrorCode, InternalError, QuotaExceeded, SafelightError, Unauthorized, VariantNotReady
from app.routes.answers import mask, send_error
from app.telemetry import request_id

STATUSES = {
    **dict.fromkeys(("INVALID_REQUEST", "CHECKSUM_MISMATCH", "UPLOAD_INCOMPLETE", "DERIVATIVE_NOT_ALLOWED"), 400),
    **{"QUERY_TOO_COMPLEX": 400, "UNAUTHORIZED": 401, "FORBIDDEN": 403, "NOT_FOUND": 404},
    **{"CONFLICT": 409, "UPLOAD_ALREADY_USED": 409, "UPLOAD_EXPIRED": 410},
    **{"FILE_TOO_LARGE": 413, "QUOTA_EXCEEDED": 413, "IMAGE_TOO_LARGE": 413},
    **{"INVALID_FILE_TYPE": 415, "INVALID_IMAGE": 422, "RENDER_FAILED": 502},
    **{"UNAVAILABLE": 503, "VARIANT_NOT_READY": 503, "RENDER_TIMEOUT": 504, "INTERNAL": 500},
    **{"RATE_LIMITED": 429, "URL_NOT_ALLOWED": 400, "FETCH_FAILED": 502},
}
Message = MutableMapping[str, Any]  # Any: ASGI's own


async def tell(error: SafelightError, *, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    await send_error(send, error, has_body=has_body)
    start, body = messages
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, body["body"]


def test_every_error_has_the_status_of_the_paper() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SafelightError)]

    told = {kind.code.value: kind.status for kind in kinds}

    assert told == STATUSES
    assert set(told) <= set(ErrorCode.__members__)


async def test_an_error_is_told_in_json_and_never_kept() -> None:
    token = request_id.set("the-request")
    try:
        status, headers, body = await tell(QuotaExceeded("Full.", details={"remaining": 1, "needed": 2}))
    finally:
        request_id.reset(token)

    assert (status, headers["content-type"], headers["cache-control"]) == (413, "application/json", "no-store")
    assert headers["content-length"] == str(len(body))
    assert json.loads(body) == {
        "code": "QUOTA_EXCEEDED",
        "message": "Full.",
        "details": {"remaining": 1, "needed": 2},
        "request_id": "the-request",
    }


async def test_the_headers_tell_what_helps() -> None:
    _, unauthorized, _ = await tell(Unauthorized("Who?"))
    _, waiting, _ = await tell(VariantNotReady("Soon.", retry_after_s=1))

    assert unauthorized["www-authenticate"].startswith("Bearer")
    assert waiting["retry-after"] == "1"


async def test_an_answer_to_head_has_no_body_and_the_length_of_one() -> None:
    _, headers, body = await tell(Unauthorized("Who?"), has_body=False)

    assert body == b""
    assert int(headers["content-length"]) > 0


def test_what_nobody_foresaw_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    told = mask(ValueError("/secret/path"))

    assert isinstance(told, InternalError)
    assert "secret" not in told.message
    assert [record.message for record in caplog.records] == ["unforeseen_error"]
