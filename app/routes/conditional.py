"""Conditional requests and ranges: RFC 9110, sections 13 and 14, for GET and HEAD of one representation."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime

MAX_HEADER_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one version of a representation from another."""

    etag: str
    """Strong, with its quotes."""
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class RangeRequest:
    """The part that is wanted; `first` and `last` are offsets of bytes, both included."""

    first: int
    last: int


class UnsatisfiableRange(Exception):
    """The range lies beyond the end: 416."""


def is_not_modified(validators: Validators, *, if_none_match: str | None, if_modified_since: str | None) -> bool:
    """Has the client this version already? `If-None-Match` decides alone where it is there."""
    if if_none_match is not None:
        return _matches(if_none_match, validators.etag)
    since = _parse_date(if_modified_since)
    return since is not None and validators.last_modified.replace(microsecond=0) <= since


def read_range(
    header: str | None, *, if_range: str | None, validators: Validators, byte_size: int
) -> RangeRequest | None:
    """The one range that is asked for; None where the whole is to be sent.

    Several ranges, other units and what cannot be understood are answered with the whole, as the RFC allows.

    Raises:
        UnsatisfiableRange: nothing of it is there.
    """
    if header is None or not _is_same(if_range, validators):
        return None
    unit, equals, text = header.partition("=")
    if unit.strip().lower() != "bytes" or not equals or "," in text or len(text) > 64:
        return None
    first_text, dash, last_text = text.strip().partition("-")
    if not dash or not (_is_number(first_text) or _is_number(last_text)):
        return None
    if not first_text:
        return _suffix(int(last_text), byte_size)
    if not _is_number(first_text) or (last_text and not _is_number(last_text)):
        return None
    first, last = int(first_text), int(last_text) if last_text else byte_size - 1
    if last_text and last < first:
        return None
    if first >= byte_size:
        raise UnsatisfiableRange
    return RangeRequest(first, min(last, byte_size - 1))


def http_date(moment: datetime) -> str:
    """As it stands in headers."""
    return format_datetime(moment, usegmt=True)


def _suffix(wanted_bytes: int, byte_size: int) -> RangeRequest:
    if wanted_bytes == 0 or byte_size == 0:
        raise UnsatisfiableRange
    return RangeRequest(max(0, byte_size - wanted_bytes), byte_size - 1)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_same(if_range: str | None, validators: Validators) -> bool:
    if if_range is None:
        return True
    if if_range.startswith(('"', "W/")):
        return if_range == validators.etag  # a weak one never matches here
    moment = _parse_date(if_range)
    return moment is not None and moment == validators.last_modified.replace(microsecond=0)


def _matches(header: str, etag: str) -> bool:
    if len(header) > MAX_HEADER_CHARACTERS:
        return False
    candidates = (candidate.strip().removeprefix("W/") for candidate in header.split(","))
    return any(candidate in {etag, "*"} for candidate in candidates)


def _parse_date(text: str | None) -> datetime | None:
    if text is None or len(text) > 64:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else None
