"""Numbers and statuses of errors, without a server."""

import pytest

from app.errors import (
    Conflict,
    FetchFailed,
    FileTooLarge,
    Forbidden,
    InternalError,
    InvalidFileType,
    InvalidImage,
    InvalidRequest,
    NotFound,
    RateLimited,
    RenderFailed,
    SafelightError,
    Unauthorized,
    Unavailable,
    UploadIncomplete,
    UrlNotAllowed,
)
from app.routes.faces.cloudflare.words import NoRoute, NotAForm, UnsupportedProtocol, tell


@pytest.mark.parametrize(
    ("error", "status", "number"),
    [
        (InvalidRequest("x"), 400, 5400),
        (UrlNotAllowed("x"), 400, 5400),
        (UnsupportedProtocol("x"), 400, 5454),
        (FetchFailed("x"), 400, 9402),
        (Unauthorized("x"), 401, 10000),
        (Forbidden("x"), 403, 9109),
        (NotFound("x"), 404, 5404),
        (NoRoute("x"), 404, 7003),
        (UploadIncomplete("x"), 408, 5408),
        (Conflict("x"), 409, 5409),
        (FileTooLarge("x"), 413, 5413),
        (NotAForm("x"), 415, 5415),
        (InvalidFileType("x"), 415, 5455),
        (InvalidImage("x"), 422, 5422),
        (RateLimited("x"), 429, 5429),
        (InternalError("x"), 500, 5500),
        (RenderFailed("x"), 502, 5502),
        (Unavailable("x"), 503, 5503),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, SafelightError) else str(value),
)
def test_every_error_has_a_status_and_a_number(error: SafelightError, status: int, number: int) -> None:
    # CI-49 to CI-61
    told_status, body = tell(error)

    message = error.message if number in {7003, 9109, 9402, 10000} else f"ERROR {number}: {error.message}"
    assert told_status == status
    assert body == {
        "result": None,
        "success": False,
        "errors": [{"code": number, "message": message}],
        "messages": [],
    }


def test_fields_are_called_as_clients_know_them() -> None:
    # CI-58
    _, body = tell(InvalidRequest("customId may have at most 1024 characters."))

    assert body["errors"] == [{"code": 5400, "message": "ERROR 5400: id may have at most 1024 characters."}]
