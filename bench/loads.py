"""Put load on an HTTP server with wrk, and tell what it took: requests, latency, processor time of the server."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 32
_TICKS = os.sysconf("SC_CLK_TCK")
_POST = "wrk.method = 'POST'\nwrk.body = [==[{body}]==]\nwrk.headers['Content-Type'] = 'application/json'\n"
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What one round of wrk measured."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """Processor time of the servers' processes for one request; 0 where nobody was watched."""
    bad: int
    """Answers with another status than 2xx and 3xx, and broken connections."""

    @property
    def per_cpu_s(self) -> float:
        """Requests for each second of the servers' processor time: on a busy machine it says more than the clock."""
        return 1e6 / self.cpu_us


def missing_tools() -> list[str]:
    """What this machine lacks for `measure`."""
    return [name for name in ("wrk", "taskset", "nginx") if shutil.which(name) is None]


def measure(
    url: str,
    seconds: int,
    headers: Sequence[str] = (),
    *,
    pids: Sequence[int] = (),
    connections: int = CONNECTIONS,
    posted: str | None = None,
) -> Load:
    """Ask for one address as fast as it goes, from core 1; `posted` is the JSON of a POST."""
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout=20s"]
    for header in headers:
        command += ["-H", header]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if posted is not None:
            command += ["-s", script.name]
            script.write(_POST.format(body=posted))
            script.flush()
        before = sum(map(cpu_s, pids))
        told = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    spent_s = sum(map(cpu_s, pids)) - before
    total = int(_find(r"(\d+) requests in", told)[1])
    bad = sum(
        int(found) for found in re.findall(r"(?:Non-2xx or 3xx responses|connect|read|write|timeout):? (\d+)", told)
    )
    rate = float(_find(r"Requests/sec:\s+([\d.]+)", told)[1])
    p50, p99 = (_find(rf"{share}%\s+([\d.]+)(us|ms|s|m)", told) for share in (50, 99))
    return Load(rate, _ms(p50), _ms(p99), 1e6 * spent_s / max(1, total), bad)


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process has spent."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _find(pattern: str, text: str) -> re.Match[str]:
    found = re.search(pattern, text)
    assert found is not None, text
    return found


def _ms(found: re.Match[str]) -> float:
    return float(found[1]) * _MS[found[2]]
