"""What a process may send without asking the database, by address."""

import time
from collections import OrderedDict
from dataclasses import dataclass, field

from app.events import EventBus, Hint
from app.ids import ImageId
from app.services.delivery import Deliverable

TRUST_ALONE_S = 1.0
"""So long it is trusted while the event stream is silent: what docs/delivery.md promises of a change of privacy."""
TRUST_VOUCHED_S = 10.0
"""However sure the stream is, an entry is read again after this: a hint can be lost with the process that owed it."""


@dataclass(slots=True)
class _Entry:
    deliverable: Deliverable
    read_at: float


@dataclass(slots=True, eq=False)
class Reading:
    """A look into the database that is under way; a hint meanwhile makes its result unfit to be kept."""

    started_at: float = field(default_factory=time.monotonic)
    is_stale: bool = False


class DeliveryCache:
    """Bounded in entries and in bytes; the least lately used go first."""

    def __init__(self, bus: EventBus, *, max_body_bytes: int, max_entries: int = 50_000) -> None:
        self._bus = bus
        self._max_body_bytes = max_body_bytes
        self._max_entries = max_entries
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._addresses: dict[ImageId, set[str]] = {}
        self._readings: set[Reading] = set()
        self._body_bytes = 0
        bus.listen_to_all(self._on_hint, self.clear)

    def find(self, address: str) -> Deliverable | None:
        """What may be sent for this address right now."""
        entry = self._entries.get(address)
        if entry is None:
            return None
        age_s = time.monotonic() - entry.read_at
        if age_s > TRUST_ALONE_S and (age_s > TRUST_VOUCHED_S or self._bus.seconds_since_vouched > TRUST_ALONE_S):
            self._drop(address)
            return None
        self._entries.move_to_end(address)
        return entry.deliverable

    def begin_reading(self) -> Reading:
        """Say that the database is going to be asked; `keep` wants the answer."""
        reading = Reading()
        self._readings.add(reading)
        return reading

    def end_reading(self, reading: Reading) -> None:
        """Say that it was answered, one way or another."""
        self._readings.discard(reading)

    def keep(self, address: str, deliverable: Deliverable, reading: Reading) -> None:
        """Remember what was read, unless something changed meanwhile."""
        if reading.is_stale or deliverable.body is None:
            return
        self._drop(address)
        self._entries[address] = _Entry(deliverable, reading.started_at)
        self._addresses.setdefault(deliverable.image_id, set()).add(address)
        self._body_bytes += len(deliverable.body)
        while self._body_bytes > self._max_body_bytes or len(self._entries) > self._max_entries:
            self._drop(next(iter(self._entries)))

    def forget(self, image_id: ImageId) -> None:
        """Drop everything of an image: for the process that changed it, before it answers."""
        for address in tuple(self._addresses.get(image_id, ())):
            self._drop(address)
        # Which image a reading will turn out to be of is not known yet; changes are rare, readings short.
        for reading in self._readings:
            reading.is_stale = True

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()
        self._addresses.clear()
        self._body_bytes = 0
        for reading in self._readings:
            reading.is_stale = True

    def _on_hint(self, hint: Hint) -> None:
        if hint.received_bytes is None:
            self.forget(hint.image_id)

    def _drop(self, address: str) -> None:
        entry = self._entries.pop(address, None)
        if entry is None:
            return
        self._body_bytes -= len(entry.deliverable.body or b"")
        addresses = self._addresses[entry.deliverable.image_id]
        addresses.discard(address)
        if not addresses:
            del self._addresses[entry.deliverable.image_id]
