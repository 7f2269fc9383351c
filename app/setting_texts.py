"""What is said of settings that cannot be used: names that are none, values of the wrong shape, lists as text."""

import json
import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

PREFIX = "SAFELIGHT_"
_OF_COMPOSE = {"PUBLISHED_PORT", "NETWORK", "WORKER_MEMORY"}
_OTHERS = {"URL", "KEY", "IMPORT_KEY", "CORPUS", "REFERENCE", "SCREENSHOTS", "OPENAPI_EXAMPLES"} | _OF_COMPOSE
"""No settings, and ours all the same: of the client's commands, compose.yaml, the tests and the benchmarks."""
# Kubernetes tells every container of each service so; one of them may be called safelight.
_OF_KUBERNETES = re.compile(r"(\w+_)?(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP|SCTP))(_\w+)?=.*|\w+_PORT=\w+://.*")
# Only of these kinds is the value shown: no secret is a number, a switch or one of a few words.
_WANTED = {
    "int_parsing": "must be a whole number",
    "bool_parsing": "must be 1 or 0",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
}


def find_misspelt(given: Mapping[str, str | None], fields: Collection[str]) -> str | None:
    """One line, without its value, about the first name that begins as our settings do and is none of theirs."""
    settings = {name.upper() for name in fields}
    for name, value in sorted((name.upper(), value) for name, value in given.items()):
        rest = name.removeprefix(PREFIX)
        if rest == name or rest in settings | _OTHERS or _OF_KUBERNETES.fullmatch(f"{rest}={value}"):
            continue
        near = get_close_matches(rest, settings | {"URL", "KEY"}, n=1)
        return f"{name} is no setting" + (
            f": did you mean {PREFIX}{near[0]}?" if near else "; README.md lists them all"
        )
    return None


def describe_problem(kind: str, value: object, limits: Mapping[str, object], reason: str) -> str:
    """What is wrong with one value: in our words where its kind is known, else in the reason's, without the value."""
    wanted = _WANTED.get(kind)
    return reason.removeprefix("Value error, ") if wanted is None else f"{value!r} {wanted.format(**limits)}"


def split_list(value: object) -> object:
    """A list of texts from JSON, or from texts between commas.

    Raises:
        ValueError: it begins as JSON does, and is no list of texts.
    """
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith(("[", "{", '"')):
        return [text.strip() for text in value.split(",") if text.strip()]
    try:
        texts = json.loads(value)
    except ValueError:
        texts = None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError('must be a list, as first,second or as JSON: ["first", "second"]')
    return texts
