"""What Redis has not taken yet."""

import logging
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping

from app.events.hints import LOST_SINCE
from app.telemetry import LOST_HINTS

log = logging.getLogger(__name__)

MAX_UNSENT = 10_000
"""Hints that wait for Redis to come back, for each process; about 10 MB."""
_SENT_AT_ONCE = 500


class Outbox(OrderedDict[Hashable, dict[str, str]]):
    """The entries that Redis has not taken yet, in order."""

    def trim(self) -> None:
        """Lose the oldest of more than `MAX_UNSENT`, to be told by one entry that comes before all others."""
        if len(self) <= MAX_UNSENT:
            return
        told = self.pop(LOST_SINCE, None)
        lost = [self.popitem(last=False)[1] for _ in range(len(self) - MAX_UNSENT + 1)]
        if told is None:
            log.warning("hints_lost", extra={"count": len(lost)})
        # Always a new object: one that is being sent at this moment does not tell of these.
        self[LOST_SINCE] = dict(told or {LOST_SINCE: lost[0]["at"], "from": lost[0]["from"]})
        self.move_to_end(LOST_SINCE, last=False)
        LOST_HINTS.inc(len(lost))

    def batches(self) -> Iterator[dict[Hashable, dict[str, str]]]:
        """All there is at this moment, in portions, to be discarded once they are sent."""
        unsent = list(self.items())
        for begin in range(0, len(unsent), _SENT_AT_ONCE):
            yield dict(unsent[begin : begin + _SENT_AT_ONCE])

    def discard(self, batch: Mapping[Hashable, dict[str, str]]) -> None:
        """Forget what was sent, but not what has taken its place meanwhile."""
        for key in [key for key, entry in batch.items() if self.get(key) is entry]:
            del self[key]
