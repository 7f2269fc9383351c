"""compose.yaml as a test reads it: variables filled in as Docker Compose does."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z0-9_]+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


def load_compose(variables: Mapping[str, str]) -> dict[str, Any]:  # Any: the tree of a YAML file
    """The file with every `${NAME}` in place; KeyError where one that is required is missing."""

    def fill(match: re.Match[str]) -> str:
        if match["kind"] == "-":
            return variables.get(match["name"]) or match["rest"]
        return variables[match["name"]]

    text = (ROOT / "compose.yaml").read_text()
    return dict(yaml.safe_load(_VARIABLE.sub(fill, text)))


def environment_of(service: Mapping[str, Any]) -> dict[str, str]:
    """What one service is given."""
    return {name: str(value) for name, value in service["environment"].items()}
