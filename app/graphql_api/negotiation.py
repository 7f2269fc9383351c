"""Which kind of answer a client takes: its Accept header against what this endpoint can give."""

from enum import StrEnum


class MediaType(StrEnum):
    """What /graphql answers with, best first where the client does not care."""

    JSON = "application/json"
    GRAPHQL_JSON = "application/graphql-response+json"
    EVENT_STREAM = "text/event-stream"
    HTML = "text/html"


WILDCARDS = {"*/*": MediaType.JSON, "application/*": MediaType.JSON, "text/*": MediaType.EVENT_STREAM}

# A browser's is 150 characters long; more than 50 ranges are nobody's honest wish.
MAX_RANGES = 50


def choose_media_type(accept: str | None, offers: frozenset[MediaType]) -> MediaType | None:
    """Return the offer that `accept` wants most; None where it takes none of them.

    No header at all means application/json, as GraphQL over HTTP says for clients of old. Among equals the first
    named wins.
    """
    if accept is None or not accept.strip():
        return MediaType.JSON
    ranges = [_parse_range(part) for part in accept.split(",")[:MAX_RANGES]]
    refused = {name for name, quality in ranges if quality <= 0}
    for name, quality in sorted(ranges, key=lambda each: -each[1]):
        offer = _offer_of(name)
        if quality > 0 and offer in offers and offer not in refused:
            return offer
    return None


def _parse_range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    try:
        return name, float(quality)
    except ValueError:
        return name, 0.0


def _offer_of(name: str) -> MediaType | None:
    if name in WILDCARDS:
        return WILDCARDS[name]
    return next((each for each in MediaType if each == name), None)
