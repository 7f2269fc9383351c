"""The same as JSON, one object a line, for programs."""

import json
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from app.client.answers import Readiness, Server, Variant
from app.client.problems import Problem
from app.client.reports import Ending, Outcome


class JSONReport:
    """Each line has `event`; lines about a file have `file`. Nothing but JSON is written."""

    def __init__(self, target: TextIO) -> None:
        self._target = target
        self._ready: dict[Path, set[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def begin(self, server: Server, file_count: int) -> None:
        """`begin`."""
        self._write("begin", server=server.version, account=server.username, files=file_count)

    def opened(self, path: Path, image_id: str, byte_size: int) -> None:
        """`opened`: the image's id is known."""
        self._write("opened", file=str(path), imageId=image_id, byteSize=byte_size)

    def sent(self, path: Path, sent_bytes: int) -> None:
        """Too often to be written."""

    def changed(self, path: Path, readiness: Readiness) -> None:
        """`variant`: each that is ready or failed, once."""
        told = self._ready.setdefault(path, set())
        for variant in readiness.variants:
            if (variant.is_ready or variant.is_failed) and variant.url not in told:
                told.add(variant.url)
                self._write("variant", file=str(path), **_describe(variant))

    def trying_again(self, path: Path, problem: Problem) -> None:
        """`tryingAgain`."""
        self._write("tryingAgain", file=str(path), code=problem.code, message=problem.message)

    def ended(self, outcome: Outcome) -> None:
        """`failed` with a code, or `done` with the image."""
        self._ready.pop(outcome.path, None)
        if outcome.problem is not None:
            problem = outcome.problem
            self._write("failed", file=str(outcome.path), code=problem.code, message=problem.message)
        if outcome.readiness is not None:
            self._write(
                "done",
                file=str(outcome.path),
                imageId=outcome.readiness.image_id,
                duplicate=outcome.is_duplicate,
                width=outcome.readiness.width_px,
                height=outcome.readiness.height_px,
                variants=[_describe(variant) for variant in outcome.readiness.variants],
            )

    def summed_up(self, ending: Ending) -> None:
        """`end`: nothing follows."""
        good = sum(outcome.is_good for outcome in ending.outcomes)
        self._write(
            "end",
            good=good,
            failed=len(ending.outcomes) - good,
            cancelled=[str(path) for path, is_cancelled in ending.cancelled.items() if is_cancelled],
            interrupted=ending.is_interrupted,
            seconds=round(ending.took_s, 3),
        )

    def gave_up(self, problem: Problem) -> None:
        """`error`: nothing could begin, nothing follows."""
        self._write("error", code=problem.code, message=problem.message)

    def _write(self, event: str, **facts: object) -> None:
        # ASCII only: no name can break a line, command a terminal, or fail to be encoded.
        self._target.write(json.dumps({"event": event, **facts}) + "\n")
        self._target.flush()


def _describe(variant: Variant) -> dict[str, object]:
    facts: dict[str, object] = {
        "family": variant.family,
        "size": variant.size,
        "state": variant.state,
        "url": variant.url,
        "width": variant.width_px,
        "height": variant.height_px,
        "byteSize": variant.byte_size,
    }
    return facts | ({"code": variant.error_code} if variant.error_code else {})
