"""What clients say of an image: as JSON, as a form, or as a form that their SDK has taken apart."""

import math
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request

from app.db.engine import utc_now
from app.domain.access import Visibility
from app.errors import InvalidRequest
from app.routes.bodies import read_at_most, read_body
from app.routes.forms import FRAMING_BYTES, FormFile, is_form
from app.routes.json_bodies import read_object
from app.services.uploads.drafts import DEFAULT_TTL_S, SessionRequest

_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_MAX_FIELDS = 200


@dataclass(frozen=True, slots=True)
class ImageFields:
    """Fields by their names; from a form every value is a text. Readers raise InvalidRequest by the field's name."""

    values: Mapping[str, object]

    def text(self, name: str) -> str | None:
        """A text; an empty one is none, as forms cannot leave a field away."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise _refuse(name, "a text")
        return value or None

    def flag(self, name: str) -> bool | None:
        """True or false, as JSON has them or in words."""
        value = self.values.get(name)
        if value is None or value == "" or isinstance(value, bool):
            return value if isinstance(value, bool) else None
        if isinstance(value, str) and value.lower() in _FLAGS:
            return _FLAGS[value.lower()]
        raise _refuse(name, "true or false")

    @property
    def metadata(self) -> object:
        """The client's own object, which answers call `meta`."""
        value = self.values.get("metadata", self.values.get("meta"))
        if not isinstance(value, str):
            return value
        try:
            return orjson.loads(value) if value else None
        except orjson.JSONDecodeError as error:
            raise _refuse("metadata", "a JSON object") from error

    @property
    def visibility(self) -> Visibility | None:
        """None where nothing is said of it."""
        is_private = self.flag("requireSignedURLs")
        if is_private is None:
            return None
        return Visibility.PRIVATE if is_private else Visibility.PUBLIC

    @property
    def ttl_s(self) -> int:
        """How long the URL of a direct upload shall be good, from its `expiry`."""
        text = self.text("expiry")
        if text is None:
            return DEFAULT_TTL_S
        try:
            expiry = datetime.fromisoformat(text)
            expiry = expiry if expiry.tzinfo is not None else expiry.replace(tzinfo=UTC)
            # Rounded up: what was two minutes away when the client said so has come a little nearer.
            return math.ceil((expiry - utc_now()).total_seconds())
        except (ValueError, OverflowError) as error:
            raise _refuse("expiry", "a time as in 2026-01-31T16:39:28Z") from error

    def session_request(self, *, ttl_s: int = DEFAULT_TTL_S) -> SessionRequest:
        """The image that is wanted. Cloudflare takes no two uploads for one image, whatever bytes they bring.

        Raises:
            InvalidRequest: a field cannot be read, or a custom id is wanted for a private image.
        """
        custom_id, visibility = self.text("id"), self.visibility
        if custom_id is not None and visibility is Visibility.PRIVATE:
            details = {"field": "id"}
            raise InvalidRequest("A custom id cannot be used together with requireSignedURLs.", details=details)
        return SessionRequest(
            file_bytes=None,
            custom_id=custom_id,
            creator=self.text("creator"),
            metadata=self.metadata,
            visibility=visibility,
            ttl_s=ttl_s,
            is_kept_apart=True,
        )


async def read_fields(request: Request) -> ImageFields:
    """The fields of a request that brings no file: JSON or either kind of form; none where there is no body.

    Raises:
        InvalidRequest: they cannot be read, or there is a file.
    """
    content_type = request.headers.get("content-type", "")
    if is_form(content_type):
        form = FormFile(content_type, read_body(request), needs_file=False)
        await _read_without_file(form.chunks())
        return gather(form.fields)
    if content_type.lower().startswith("application/x-www-form-urlencoded"):
        return gather(_parse_query(await read_at_most(request, max_bytes=FRAMING_BYTES)))
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return ImageFields({})
    return ImageFields((await read_object(request)).values)


def gather(fields: Iterable[tuple[str, str]]) -> ImageFields:
    """A form's fields as an object; Python's SDK sends `metadata.key` for an object's fields, npm's `metadata[key]`."""
    values: dict[str, object] = {}
    for name, value in fields:
        *path, last = name.replace("[", ".").replace("]", "").split(".")
        place = values
        for step in path:
            inner = place.setdefault(step, {})
            if not isinstance(inner, dict):
                raise _refuse(name, "given once")
            place = inner
        place[last] = value
    return ImageFields(values)


def _parse_query(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise InvalidRequest("The form cannot be understood.", details={"field": "body"}) from error


async def _read_without_file(chunks: AsyncIterator[bytes]) -> None:
    async for _ in chunks:
        raise InvalidRequest("The file goes to the uploadURL of the answer.", details={"field": "file"})


def _refuse(name: str, wanted: str) -> InvalidRequest:
    return InvalidRequest(f"{name} must be {wanted}.", details={"field": name})
