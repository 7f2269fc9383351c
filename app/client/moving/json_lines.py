"""The same as JSON, one object a line, for programs."""

import json
from types import TracebackType
from typing import Self, TextIO

from app.client.moving.answers import NewServer
from app.client.moving.items import OldImage
from app.client.moving.journal import Moved
from app.client.moving.reports import Ending, Tally
from app.client.problems import Problem


class JSONReport:
    """Each line has `event`; lines about an image have `oldId`. Nothing but JSON is written."""

    def __init__(self, target: TextIO) -> None:
        self._target = target

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def begin(self, server: NewServer, tally: Tally) -> None:
        """`begin`."""
        self._write("begin", server=server.version, account=server.username)

    def advanced(self) -> None:
        """Too often to be written."""

    def planned(self, image: OldImage, *, is_there: bool) -> None:
        """`planned`: what a dry run finds."""
        facts = image.facts
        self._write(
            "planned",
            oldId=image.old_id,
            filename=facts.filename,
            customId=facts.custom_id,
            album=facts.album,
            tags=list(facts.tags),
            isPrivate=facts.is_private,
            there=is_there,
        )

    def moved(self, image: OldImage, moved: Moved) -> None:
        """`moved`: the image is there."""
        self._write(
            "moved",
            oldId=image.old_id,
            newId=moved.new_id,
            urls=dict(zip(moved.old_urls, moved.new_urls, strict=True)),
            byteSize=moved.byte_size,
            leftOut=list(moved.left_out),
        )

    def failed(self, image: OldImage, problem: Problem) -> None:
        """`failed`, with a code."""
        self._write("failed", oldId=image.old_id, code=problem.code, message=problem.message)

    def left_out(self, what: str, problem: Problem) -> None:
        """`leftOut`, with a code."""
        self._write("leftOut", what=what, code=problem.code, message=problem.message)

    def trying_again(self, problem: Problem) -> None:
        """`tryingAgain`."""
        self._write("tryingAgain", code=problem.code, message=problem.message)

    def summed_up(self, tally: Tally, ending: Ending) -> None:
        """`end`: nothing follows."""
        problem = ending.problem
        self._write(
            "end",
            listed=tally.listed,
            moved=tally.moved,
            there=tally.skipped,
            failed=len(tally.failed),
            interrupted=ending.is_interrupted,
            mapping=ending.mapping,
            seconds=round(ending.took_s, 3),
            **({"code": problem.code, "message": problem.message} if problem else {}),
        )

    def gave_up(self, problem: Problem) -> None:
        """`error`: nothing could begin, nothing follows."""
        self._write("error", code=problem.code, message=problem.message)

    def _write(self, event: str, **facts: object) -> None:
        # ASCII only: no name can break a line, command a terminal, or fail to be encoded.
        self._target.write(json.dumps({"event": event, **facts}) + "\n")
        self._target.flush()
