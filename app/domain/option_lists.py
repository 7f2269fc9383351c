"""Lists such as `width=400,fit=cover`: cut into names and values, and each value read strictly."""

import re
from collections.abc import Mapping
from typing import NoReturn, TypeVar

from app.errors import InvalidRequest

MAX_LIST_CHARACTERS = 512
"""Twice what the longest list that means something takes."""

_NAME = re.compile(r"[a-z][a-z-]{0,31}", re.ASCII)
# A comma in rgb(1,2,3) parts no options.
_COMMA = re.compile(r",(?![^()]*\))")
_WHOLE = re.compile(r"[0-9]{1,6}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{0,6}(?:\.[0-9]{1,12})?", re.ASCII)
_SWITCHES = {"true": True, "false": False}

Chosen = TypeVar("Chosen")


def refuse(field: str, message: str) -> NoReturn:
    """Raise InvalidRequest for one input."""
    raise InvalidRequest(message, details={"field": field})


def read_whole(text: str, *, field: str) -> int:
    """A whole number of at most 6 digits.

    Raises:
        InvalidRequest: it is none.
    """
    if not _WHOLE.fullmatch(text):
        refuse(field, f"{field} must be a whole number.")
    return int(text)


def read_decimal(text: str, *, field: str) -> float:
    """A number of at most 6 digits before the point and 12 behind it; without sign or exponent.

    Raises:
        InvalidRequest: it is none.
    """
    if not text or not _DECIMAL.fullmatch(text):
        refuse(field, f"{field} must be a number.")
    return float(text)


def read_choice(text: str, choices: Mapping[str, Chosen], *, field: str) -> Chosen:
    """What a word stands for.

    Raises:
        InvalidRequest: it is none of those.
    """
    if text not in choices:
        refuse(field, f"{field} must be one of: {', '.join(choices)}.")
    return choices[text]


class OptionList:
    """What is still to be read of a list. Whoever knows an option takes it out; `end` refuses what nobody took."""

    def __init__(self, text: str, *, aliases: Mapping[str, str]) -> None:
        """Cut a list of one option or more; names in `aliases` are written out.

        Raises:
            InvalidRequest: it is no list, or says something twice.
        """
        self._texts: dict[str, str] = {}
        if len(text) > MAX_LIST_CHARACTERS:
            refuse("options", f"Options take {MAX_LIST_CHARACTERS} characters at most.")
        for part in _COMMA.split(text):
            name, _, value = part.partition("=")
            if not (value and _NAME.fullmatch(name)):
                refuse("options", "Options are written as name=value, parted by commas, without spaces.")
            name = aliases.get(name, name)
            if name in self._texts:
                refuse(name, f"{name} is given twice.")
            self._texts[name] = value

    def take(self, name: str) -> str | None:
        """The text of an option, None where it is not given."""
        return self._texts.pop(name, None)

    def drop(self, name: str, text: str) -> bool:
        """Take an option out if it says just this, and tell whether it did."""
        if self._texts.get(name) != text:
            return False
        del self._texts[name]
        return True

    def take_whole(self, name: str) -> int | None:
        """A whole number, None where it is not given.

        Raises:
            InvalidRequest: it is none.
        """
        text = self.take(name)
        return None if text is None else read_whole(text, field=name)

    def take_decimal(self, name: str) -> float | None:
        """A number, None where it is not given.

        Raises:
            InvalidRequest: it is none.
        """
        text = self.take(name)
        return None if text is None else read_decimal(text, field=name)

    def take_choice(self, name: str, choices: Mapping[str, Chosen], default: Chosen) -> Chosen:
        """What a word stands for.

        Raises:
            InvalidRequest: it is none of the choices.
        """
        text = self.take(name)
        return default if text is None else read_choice(text, choices, field=name)

    def take_switch(self, name: str, *, default: bool) -> bool:
        """`true` or `false`.

        Raises:
            InvalidRequest: anything else.
        """
        return self.take_choice(name, _SWITCHES, default)

    def end(self) -> None:
        """Raise InvalidRequest where an option is left that nobody knows."""
        for name in self._texts:
            refuse(name, f"There is no option {name}.")
