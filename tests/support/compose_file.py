"""compose.yaml as a test reads it: variables filled in as Docker Compose does."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from tests.support.paths import ROOT

SECRETS = {
    "SAFELIGHT_SECRET": "x" * 32,
    "SAFELIGHT_BOOTSTRAP_KEY": "sl_" + "k" * 32,
    "POSTGRES_PASSWORD": "postgres",
    "REDIS_PASSWORD": "redis",
    "S3_ACCESS_KEY": "access",
    "S3_SECRET_KEY": "secret",
}
"""What a person writes into `.env`; it has no defaults."""
# The innermost: what stands for a missing variable may be another one.
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z0-9_]+)(?::(?P<kind>[-+?])(?P<rest>[^{}]*))?\}")


def load_compose(variables: Mapping[str, str]) -> dict[str, Any]:  # Any: the tree of a YAML file
    """The file with every `${NAME}` in place; KeyError where one that is required is missing."""

    def fill(match: re.Match[str]) -> str:
        value = variables.get(match["name"]) or ""
        if match["kind"] == "-":
            return value or match["rest"]
        if match["kind"] == "+":
            return match["rest"] if value else ""
        return variables[match["name"]]

    text = (ROOT / "compose.yaml").read_text()
    while _VARIABLE.search(text):
        text = _VARIABLE.sub(fill, text)
    return dict(yaml.safe_load(text))


def environment_of(service: Mapping[str, Any], dotenv: Mapping[str, str] | None = None) -> dict[str, str]:
    """What one service is given where `.env` says this: the file's first, over which `environment` wins."""
    given = {**(dotenv or {})} if {"path": ".env", "required": False} in service["env_file"] else {}
    return given | {name: str(value or "") for name, value in service["environment"].items()}
