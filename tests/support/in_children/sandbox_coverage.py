"""Measure the sandboxed children of `app/rendering`, which may open no file and so cannot save their data as usual.

Run by a line of the environment's site-packages (`tests.support.sandbox_coverage`), outside of the package `tests`,
which pytest must import first. It opens a file for each child right before the sandbox closes.
"""

import os
import sqlite3.dump  # noqa: F401  (sqlite3 imports it late, when no file can be opened)
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

from coverage import Coverage

FOLDER_VARIABLE = "SANDBOX_COVERAGE_DIR"


def install() -> None:
    """In a process that starts zygotes: hand the variable on. In a zygote: measure it and its forked children."""
    if not sys.flags.isolated:
        zygote_process: Any = import_module("app.rendering.zygote_process")
        zygote_process._ENVIRONMENT[FOLDER_VARIABLE] = os.environ[FOLDER_VARIABLE]
        return
    measured = Coverage(data_file=None, branch=True, source=["app"], config_file=False)
    measured.start()
    confinement: Any = import_module("app.rendering.child.confinement")
    confine = confinement.confine

    def open_and_confine(order: Any) -> None:  # the order is only passed on
        descriptor, _ = tempfile.mkstemp(dir=os.environ[FOLDER_VARIABLE])
        os._exit = _saving_exit(measured, descriptor, os._exit)  # type: ignore[assignment]  # the same but for a name
        confine(order)

    confinement.confine = open_and_confine


def _saving_exit(measured: Coverage, descriptor: int, leave: Callable[[int], NoReturn]) -> Callable[[int], NoReturn]:
    def save_and_exit(status: int) -> NoReturn:
        with suppress(Exception):
            measured.stop()
            os.write(descriptor, measured.get_data().dumps())
        leave(status)

    return save_and_exit
