"""What the new server says, as types."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What comes is JSON whose shape the documents fix: Any throughout this module.


@dataclass(frozen=True, slots=True)
class NewServer:
    """Who takes the images."""

    url: str
    version: str
    max_upload_bytes: int
    username: str
    account_hash: str
    may_upload_many: bool
    """At once."""


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image that is there."""

    id: str
    short_id: str
    custom_id: str | None
    sha256: str | None
    byte_size: int
    is_draft: bool
    album_slug: str | None
    stable_url: str
    cdn_url: str
    view_url: str
    cdn_root: str
    """Of delivery addresses, without a slash at the end."""
    said: Mapping[str, object]
    """The texts and marks that `Facts` may set, by the names of CreateUploadSessionInput."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """An upload session as the server sees it."""

    id: str
    token: str | None
    """In the answer that opened it, and never again."""
    upload_url: str
    state: str
    image_id: str
    is_duplicate: bool


def server_of(data: Mapping[str, Any], url: str) -> NewServer:
    """Read the answer to GREET."""
    server, viewer = data["server"], data["viewer"]
    limits = viewer["limits"]
    limit_bytes = min(int(server["maxUploadBytes"]), int(limits["maxUploadBytes"]))
    many = bool(limits["canMultiUpload"])
    return NewServer(url, server["version"], limit_bytes, viewer["username"], viewer["accountHash"], many)


def image_of(image: Mapping[str, Any]) -> NewImage:
    """Read a fragment of an image."""
    short_path = f"/i/{image['shortId']}"
    said = {name: image[name] for name in ("title", "alt", "description", "creator", "visibility", "isNsfw")}
    album = image["album"]
    return NewImage(
        id=image["id"],
        short_id=image["shortId"],
        custom_id=image["customId"],
        sha256=image["sha256"],
        byte_size=int(image["byteSize"] or 0),
        is_draft=image["state"] == "AWAITING_UPLOAD",
        album_slug=album["slug"] if album else None,
        stable_url=image["stableUrl"],
        cdn_url=image["cdnUrl"],
        view_url=image["viewUrl"],
        cdn_root=image["shortUrl"].removesuffix(short_path),
        said={**said, "tags": list(image["tags"]), "metadata": image["metadata"]},
    )


def session_of(session: Mapping[str, Any], *, token: str | None = None, is_duplicate: bool = False) -> NewSession:
    """Read a fragment of a session."""
    return NewSession(
        session["id"], token, session["uploadUrl"], session["state"], session["image"]["id"], is_duplicate
    )
