"""What the old system's statuses mean for an import."""

import contextlib
import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from app.client.moving.codes import MovingCode
from app.client.problems import Problem


def check_status(response: httpx.Response, *, what: str, is_file: bool = False) -> None:
    """Pass where the status is good.

    Raises:
        Problem: what it says instead; 429 and 5xx pass by themselves, perhaps.
    """
    status = response.status_code
    if status == 200:
        _check_encoding(response, is_file=is_file)
        return
    if status == 429:
        wait_s = _read_wait(response.headers.get("retry-after"))
        message = "The old system answers that it is asked too often."
        raise Problem(MovingCode.OLD_RATE_LIMITED, message, is_passing=True, retry_after_s=wait_s)
    if status >= 500:
        code = MovingCode.OLD_FILE_REFUSED if is_file else MovingCode.OLD_UNREACHABLE
        raise Problem(code, f"The old system answers {status} for {what}.", is_passing=True)
    if is_file:
        raise Problem(MovingCode.OLD_FILE_REFUSED, f"The old system answers {status} for {what}.")
    if status in {401, 403}:
        message = f"{what} does not take the key (HTTP status {status}): wrong, expired, or not for this."
        raise Problem(MovingCode.OLD_UNAUTHORIZED, message)
    if status == 404:
        raise Problem(MovingCode.OLD_NOT_FOUND, f"The old system has nothing at {what}.")
    message = f"{what} answers with HTTP status {status}: not what this system's API says."
    if 300 <= status < 400:
        message = f"{what} leads on to {response.headers.get('location', 'nowhere')}: if it moved, say so with --from."
    raise Problem(MovingCode.NOT_THIS_SYSTEM, message)


def out_of_reach(root: str) -> Problem:
    """Nobody answers, at present."""
    return Problem(MovingCode.OLD_UNREACHABLE, f"{root} does not answer. Is that where it is?", is_passing=True)


def _check_encoding(response: httpx.Response, *, is_file: bool) -> None:
    # We asked for none: unpacking could fill any memory.
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        code = MovingCode.OLD_FILE_REFUSED if is_file else MovingCode.NOT_THIS_SYSTEM
        raise Problem(code, "The old system's answer is compressed though it was asked not to.")


def _read_wait(text: str | None) -> float | None:
    """Seconds of a Retry-After, which may be a number or a date."""
    if text is None:
        return None
    with contextlib.suppress(ValueError):
        seconds = float(text)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (until.astimezone(UTC) - datetime.now(UTC)).total_seconds())
