"""Write grafana-dashboard.json from the rules of alerts.yml: a panel for each, in their order."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
DASHBOARD = FOLDER / "grafana-dashboard.json"
_COLUMNS, _WIDTH, _HEIGHT = 2, 12, 8

# A dashboard is a tree of JSON, as Grafana has it: Any throughout this module.


def make_dashboard() -> str:
    """The text of the file."""
    document = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    rules = [rule for group in document["groups"] for rule in group["rules"]]
    dashboard = {
        "title": "Safelight",
        "uid": "safelight",
        "tags": ["safelight"],
        "timezone": "browser",
        "refresh": "30s",
        "schemaVersion": 39,
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]
        },
        "panels": [_make_panel(number, rule) for number, rule in enumerate(rules)],
    }
    return json.dumps(dashboard, indent=2) + "\n"


def _make_panel(number: int, rule: dict[str, Any]) -> dict[str, Any]:
    notes = rule["annotations"]
    row, column = divmod(number, _COLUMNS)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": re.sub(r"(?<!^)(?=[A-Z])", " ", rule["alert"].removeprefix("Safelight")),
        "description": f"{notes['description']}\n\nAlert: {rule['expr'].strip()}",
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": notes["unit"], "min": 0}, "overrides": []},
        "targets": [{"refId": "A", "expr": notes["graph"], "datasource": {"type": "prometheus", "uid": "${source}"}}],
    }


if __name__ == "__main__":
    DASHBOARD.write_text(make_dashboard())
