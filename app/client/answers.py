"""The server's answers as types."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What comes is JSON whose shape the documents fix: Any throughout this module.


@dataclass(frozen=True, slots=True)
class Variant:
    """One promised file of an image; `url` holds from the moment the session opens."""

    family: str
    size: str
    url: str
    state: str
    width_px: int | None
    height_px: int | None
    byte_size: int | None
    error_code: str | None
    error_message: str | None

    @property
    def name(self) -> str:
        """As `--derivative` takes it: webp:w512."""
        return f"{self.family.lower()}:{self.size}"

    @property
    def is_ready(self) -> bool:
        """Does a GET of its URL answer with it?"""
        return self.state == "READY"

    @property
    def is_failed(self) -> bool:
        """Will it never be there?"""
        return self.state == "FAILED"


@dataclass(frozen=True, slots=True)
class Server:
    """Who answers, and as whom it knows us."""

    version: str
    max_upload_bytes: int
    username: str


@dataclass(frozen=True, slots=True)
class Session:
    """Leave to send one file."""

    id: str
    token: str | None
    """None where there is nothing to send: the server has the bytes already."""
    upload_url: str
    image_id: str
    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True)
class Readiness:
    """All of an image at one moment."""

    image_id: str
    revision: int
    width_px: int | None
    height_px: int | None
    variants: tuple[Variant, ...]
    is_complete: bool

    @property
    def ready_count(self) -> int:
        """How many variants can be fetched."""
        return sum(variant.is_ready for variant in self.variants)


def server_of(data: Mapping[str, Any]) -> Server:
    """Read the answer to GREET."""
    server = data["server"]
    return Server(server["version"], int(server["maxUploadBytes"]), data["viewer"]["username"])


def session_of(data: Mapping[str, Any]) -> Session:
    """Read the answer to OPEN_SESSION."""
    session = data["createUploadSession"]["session"]
    return Session(
        session["id"],
        session["token"],
        session["uploadUrl"],
        session["image"]["id"],
        _variants_of(session["image"]),
    )


def readiness_of_event(data: Mapping[str, Any]) -> Readiness:
    """Read an event of WATCH."""
    event = data["stableVariants"]
    image = event["image"]
    return Readiness(
        image["id"], event["revision"], image["width"], image["height"], _variants_of(event), event["complete"]
    )


def readiness_of_image(data: Mapping[str, Any]) -> Readiness | None:
    """Read the answer to READ_IMAGE; None where there is no such image."""
    image = data["image"]
    if image is None:
        return None
    variants = _variants_of(image)
    is_complete = all(variant.is_ready or variant.is_failed for variant in variants)
    return Readiness(image["id"], 0, image["width"], image["height"], variants, is_complete)


def _variants_of(holder: Mapping[str, Any]) -> tuple[Variant, ...]:
    return tuple(_variant_of(variant) for variant in holder["stableVariants"])


def _variant_of(variant: Mapping[str, Any]) -> Variant:
    error = variant["error"] or {}
    return Variant(
        variant["family"],
        variant["size"],
        variant["url"],
        variant["state"],
        variant["width"],
        variant["height"],
        variant["byteSize"],
        error.get("code"),
        error.get("message"),
    )
