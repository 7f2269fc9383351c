"""Run what the documents print: shell and PHP, by the programs that they were written for."""

import asyncio
import os
from pathlib import Path

from tests.support.servers.programs import find_program, refuse
from tests.support.waiting import in_time


async def run_script(command: str, *arguments: str, cwd: Path, **environment: str) -> str:
    """What a script prints; it must end well."""
    program = find_program(command)
    if program is None:
        refuse(f"no {command} here")
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complaints = await in_time(process.communicate())
    assert process.returncode == 0, complaints.decode() + printed.decode()
    return printed.decode()


async def run_shell(script: str, *, cwd: Path, needs: tuple[str, ...] = ("curl",), **environment: str) -> str:
    """What a shell prints that stops at the first thing that goes wrong."""
    for need in needs:
        if find_program(need) is None:
            refuse(f"no {need} here")
    return await run_script("bash", "-euo", "pipefail", "-c", script, cwd=cwd, **environment)


async def run_php(script: str, *, cwd: Path) -> str:
    """What a PHP script prints."""
    if "curl" not in (await run_script("php", "-m", cwd=cwd)).splitlines():
        refuse("PHP has no curl here")
    (cwd / "example.php").write_text(script, encoding="utf-8")
    return await run_script("php", "example.php", cwd=cwd)
