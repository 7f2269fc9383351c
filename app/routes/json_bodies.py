"""A request's body as a JSON object, and its fields, each of the type that it must have or refused by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson
from starlette.requests import Request

from app.errors import InvalidRequest
from app.routes.bodies import read_at_most

MAX_BODY_BYTES = 64 * 1024


async def read_object(request: Request) -> "Fields":
    """The object that a request brings, whatever type it says that its body has.

    Raises:
        InvalidRequest: it brings something else.
        FileTooLarge: it brings more than `MAX_BODY_BYTES`.
        UploadIncomplete: it ends early, or comes too slowly.
    """
    try:
        values = orjson.loads(await read_at_most(request, max_bytes=MAX_BODY_BYTES))
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("The body is no JSON.", details={"field": "body"}) from error
    if not isinstance(values, dict):
        raise InvalidRequest("The body must be a JSON object.", details={"field": "body"})
    return Fields(values)


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a JSON object. One that is absent reads as null; `in` tells the two apart.

    Every reader raises InvalidRequest where the value is of another type; `details.field` is its name.
    """

    values: Mapping[str, object]
    prefix: str = ""
    """What stands before a field's name in errors: the fields that lead to this object."""

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str) -> str | None:
        """A string."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise self._refuse(name, "a string")
        return value

    def flag(self, name: str) -> bool | None:
        """True or false."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise self._refuse(name, "true or false")
        return value

    def number(self, name: str) -> int | None:
        """A whole number."""
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._refuse(name, "a whole number")
        return value

    def texts(self, name: str) -> list[str] | None:
        """A list of strings."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._refuse(name, "a list of strings")
        return value

    def object(self, name: str) -> "Fields | None":
        """An object within this one."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._refuse(name, "an object")
        return Fields(value, f"{self.prefix}{name}.")

    def objects(self, name: str) -> "Iterator[Fields] | None":
        """A list of objects."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self._refuse(name, "a list of objects")
        return (Fields(each, f"{self.prefix}{name}.") for each in value)

    def _refuse(self, name: str, wanted: str) -> InvalidRequest:
        field = self.prefix + name
        return InvalidRequest(f"{field} must be {wanted}.", details={"field": field})
