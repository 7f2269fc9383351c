"""What a process may send without asking the database, by address; and small bodies, without asking the store."""

import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from app.events.bus import EventBus
from app.events.hints import Hint
from app.ids import ImageId
from app.services.delivery.deliverables import Deliverable
from app.storage.port import ObjectKey

TRUST_ALONE_S = 1.0
"""So long it is trusted while the event stream is silent: what docs/delivery.md promises of a change of privacy."""
TRUST_VOUCHED_S = 10.0
"""However sure the stream is, an entry is read again after this: a hint can be lost with the process that owed it."""
_REFRESH_SHARE = 0.75
"""After this share of its time one caller is sent to read anew, while all others still get what is here."""

_MIN_ENTRIES, _BYTES_FOR_AN_ENTRY = 1_000, 8_192
"""An entry weighs up to 5 KB besides its body: addresses that anybody may make up take at most as much as bodies do."""

Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Entry(Generic[Answer]):
    answer: Answer
    image_id: ImageId
    key: ObjectKey
    has_body: bool
    read_at: float
    trust_s: float
    is_being_refreshed: bool = False


@dataclass(slots=True, eq=False)
class Reading:
    """A look into the database that is under way; a hint meanwhile makes its result unfit to be kept."""

    started_at: float = field(default_factory=time.monotonic)
    is_stale: bool = False


class DeliveryCache(Generic[Answer]):
    """Bounded in entries and in bytes; the least lately used go first.

    Bodies are held by their objects' keys, whose bytes never change: one that is asked for under many addresses is
    held once, and outlives what is believed of its image.
    """

    def __init__(self, bus: EventBus, *, max_body_bytes: int, max_entries: int | None = None) -> None:
        self._bus = bus
        self._max_body_bytes = max_body_bytes
        self._max_entries = max_entries or max(_MIN_ENTRIES, max_body_bytes // _BYTES_FOR_AN_ENTRY)
        self._entries: OrderedDict[Hashable, _Entry[Answer]] = OrderedDict()
        self._addresses: dict[ImageId, set[Hashable]] = {}
        self._bodies: OrderedDict[ObjectKey, bytes] = OrderedDict()
        self._users: dict[ObjectKey, set[Hashable]] = {}
        self._readings: set[Reading] = set()
        self._body_bytes = 0
        bus.listen_to_all(self._on_hint, self.clear)

    def find(self, address: Hashable, *, may_renew: bool = True) -> Answer | None:
        """What may be sent for this address right now; None also for the one caller who is to read it anew.

        Who cannot do that (`may_renew`) is told None too, and leaves it to the next.
        """
        entry = self._entries.get(address)
        if entry is None:
            return None
        age_s = time.monotonic() - entry.read_at
        if age_s > TRUST_ALONE_S * _REFRESH_SHARE and not self._is_trusted(address, entry, age_s, may_renew=may_renew):
            return None
        self._entries.move_to_end(address)
        if entry.has_body:
            self._bodies.move_to_end(entry.key)
        return entry.answer

    def find_body(self, key: ObjectKey) -> bytes | None:
        """The bytes of an object, where they are here. Whether they may be shown is not asked here."""
        return self._bodies.get(key)

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """While the database is asked; `keep` wants what is given."""
        reading = Reading()
        self._readings.add(reading)
        try:
            yield reading
        finally:
            self._readings.discard(reading)

    def keep(
        self,
        address: Hashable,
        answer: Answer,
        found: Deliverable,
        reading: Reading,
        *,
        trust_s: float = TRUST_VOUCHED_S,
    ) -> None:
        """Remember what was read, unless something changed meanwhile; for at most `trust_s` seconds.

        Its body must be the one that `find_body` gives, where it gives one: a second copy would be counted by nobody.
        """
        held = self._bodies.get(found.key, found.body)
        if reading.is_stale or held is not found.body or len(found.body or b"") > self._max_body_bytes:
            return
        self._drop(address)
        has_body = found.body is not None
        self._entries[address] = _Entry(answer, found.image_id, found.key, has_body, reading.started_at, trust_s)
        self._addresses.setdefault(found.image_id, set()).add(address)
        if found.body is not None:
            self._users.setdefault(found.key, set()).add(address)
            self._keep_body(found.key, found.body)
        while len(self._entries) > self._max_entries:
            self._drop(next(iter(self._entries)))

    def discard(self, address: Hashable) -> None:
        """Forget one address."""
        self._drop(address)

    def forget(self, image_id: ImageId) -> None:
        """Drop every answer of an image: for the process that changed it, before it answers."""
        for address in tuple(self._addresses.get(image_id, ())):
            self._drop(address)
        # Which image a reading will turn out to be of is not known yet; changes are rare, readings short.
        for reading in self._readings:
            reading.is_stale = True

    def __len__(self) -> int:
        """How many addresses have an answer here."""
        return len(self._entries)

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()
        self._addresses.clear()
        self._bodies.clear()
        self._users.clear()
        self._body_bytes = 0
        for reading in self._readings:
            reading.is_stale = True

    def _is_trusted(self, address: Hashable, entry: _Entry[Answer], age_s: float, *, may_renew: bool) -> bool:
        silent_s = self._bus.seconds_since_vouched
        limit_s = entry.trust_s if silent_s <= TRUST_ALONE_S else TRUST_ALONE_S
        if age_s > limit_s:
            self._drop(address)
            return False
        if age_s <= limit_s * _REFRESH_SHARE or entry.is_being_refreshed:
            return True
        entry.is_being_refreshed = may_renew
        return False

    def _keep_body(self, key: ObjectKey, body: bytes) -> None:
        self._body_bytes += len(body) - len(self._bodies.get(key, b""))
        self._bodies[key] = body
        self._bodies.move_to_end(key)
        while self._body_bytes > self._max_body_bytes:
            oldest, old_body = self._bodies.popitem(last=False)
            self._body_bytes -= len(old_body)
            # What holds it under an address goes too, or its memory would stay.
            for address in tuple(self._users.get(oldest, ())):
                self._drop(address)

    def _on_hint(self, hint: Hint) -> None:
        if hint.received_bytes is None:
            self.forget(hint.image_id)

    def _drop(self, address: Hashable) -> None:
        entry = self._entries.pop(address, None)
        if entry is None:
            return
        _discard(self._addresses, entry.image_id, address)
        _discard(self._users, entry.key, address)


_Name = TypeVar("_Name", ImageId, ObjectKey)


def _discard(addresses: dict[_Name, set[Hashable]], name: _Name, address: Hashable) -> None:
    present = addresses.get(name)
    if present is not None:
        present.discard(address)
        if not present:
            del addresses[name]
