"""deploy/alerts.yml and the dashboard: they name metrics that exist, and say what to do."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from app import telemetry
from app.routes.metrics import SCRAPED
from tests.support.paths import ROOT

ALERTS = ROOT / "deploy" / "alerts.yml"
# Rules are trees of YAML: Any.


def list_rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def list_metrics() -> set[str]:
    assert telemetry
    found = set(SCRAPED)
    for family in REGISTRY.collect():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        found |= {family.name + suffix for suffix in suffixes}
    return found


@pytest.mark.parametrize("rule", list_rules(), ids=lambda rule: rule["alert"])
def test_each_alert_asks_for_metrics_that_are_there_and_says_what_to_do(rule: dict[str, Any]) -> None:
    notes = rule["annotations"]

    named = set(re.findall(r"safelight_\w+", f"{rule['expr']} {notes['graph']}"))

    assert named
    assert named - list_metrics() == set()
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert notes["summary"].endswith(".")
    assert notes["description"]


def test_dashboard_is_what_its_script_makes(tmp_path: Path) -> None:
    folder = tmp_path / "deploy"
    folder.mkdir()
    for name in ("alerts.yml", "make_dashboard.py"):
        shutil.copy(ROOT / "deploy" / name, folder)

    subprocess.run([sys.executable, str(folder / "make_dashboard.py")], check=True)

    made = (folder / "grafana-dashboard.json").read_text()
    assert made == (ROOT / "deploy" / "grafana-dashboard.json").read_text(), "run: python deploy/make_dashboard.py"


def test_promtool_accepts_the_rules() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on this machine (apt: prometheus)")

    checked = subprocess.run([promtool, "check", "rules", str(ALERTS)], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr
