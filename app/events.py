"""The hints that something changed, carried over one Redis stream; the database alone is the truth.

Every process has one reader. A lost hint is no harm: whoever waits for it reads the rows again within 30 s,
and the sweep announces again what changed lately.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.domain.library_events import LibraryEventKind
from app.ids import AccountId, AlbumId, ImageId, make_uuid, parse_uuid
from app.telemetry import LOST_HINTS

log = logging.getLogger(__name__)

STREAM = "safelight:events"
STREAM_ENTRIES = 100_000
READ_BLOCK_MS = 400
"""How long one read waits. While reads return, the stream vouches for what this process believes."""
# Whoever has committed does not wait longer than that for a Redis that hangs, and asks it again only after a while.
_PUBLISH_TIMEOUT_S = 0.5
_SILENCE_S = 1.0
_RECONNECT_S = (0.05, 0.1, 0.25, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Hint:
    """Something about one image may have changed."""

    image_id: ImageId
    committed_at: float
    """When, in seconds of the Unix clock; for the measured push delay."""
    received_bytes: int | None = None
    """Set where nothing changed but the progress of its upload."""
    kind: LibraryEventKind | None = None
    """What happened to it, where whoever changed it knows."""
    left_album_id: AlbumId | None = None
    """The album that it was in before."""
    owner_id: AccountId | None = None
    """Whose it was; told of what is purged, as no row tells it any more."""


Listener = Callable[[Hint], None]
_NOWHERE: Mapping[ImageId, AlbumId | None] = {}
_NOBODY: Mapping[ImageId, AccountId] = {}


class EventBus:
    """Publishes hints, and hands each to this process's listeners: those of one image, and those of all."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._name = make_uuid().hex
        self._listeners: dict[ImageId, set[Listener]] = {}
        self._all_listeners: set[Listener] = set()
        self._resync_listeners: set[Callable[[], None]] = set()
        self._reader: asyncio.Task[None] | None = None
        self._vouched_at = 0.0
        self._silent_until = 0.0

    async def start(self) -> None:
        """Begin to read; whatever is published from now on arrives."""
        self._reader = asyncio.create_task(self._read_for_ever(), name="event-reader")

    async def close(self) -> None:
        """Stop reading."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader

    @property
    def seconds_since_vouched(self) -> float:
        """How long ago it was last certain that every hint published until then had arrived here."""
        return time.monotonic() - self._vouched_at

    async def publish(
        self,
        image_ids: Iterable[ImageId],
        *,
        received_bytes: int | None = None,
        kind: LibraryEventKind | None = None,
        left_albums: Mapping[ImageId, AlbumId | None] = _NOWHERE,
        owners: Mapping[ImageId, AccountId] = _NOBODY,
    ) -> None:
        """Announce changes, after their commit: here at once, to other processes over Redis.

        `left_albums` says where images were before, `owners` whose those were that have no row any more.
        Never fails: a hint that Redis does not take is counted.
        """
        now = time.time()
        hints = [
            Hint(image_id, now, received_bytes, kind, left_albums.get(image_id), owners.get(image_id))
            for image_id in dict.fromkeys(image_ids)
        ]
        # Whoever made something private or deleted it finds that so when it is answered.
        for hint in hints:
            self._deliver(hint)
        if hints and not await self._append([{**_encode(hint), "from": self._name} for hint in hints]):
            LOST_HINTS.inc(len(hints))

    @contextlib.contextmanager
    def listening(self, image_id: ImageId, listener: Listener) -> Iterator[None]:
        """Call `listener` with every hint about this image while the context lasts."""
        self._listeners.setdefault(image_id, set()).add(listener)
        try:
            yield
        finally:
            listeners = self._listeners[image_id]
            listeners.discard(listener)
            if not listeners:
                del self._listeners[image_id]

    def listen_to_all(self, listener: Listener, on_resync: Callable[[], None]) -> None:
        """Call `listener` with every hint, and `on_resync` when some may have been missed, while the bus lives."""
        self._all_listeners.add(listener)
        self._resync_listeners.add(on_resync)

    def on_resync(self, listener: Callable[[], None]) -> None:
        """Call `listener` when hints may have been missed."""
        self._resync_listeners.add(listener)

    async def _append(self, entries: list[dict[str, str]]) -> bool:
        if time.monotonic() < self._silent_until:
            return False
        try:
            async with asyncio.timeout(_PUBLISH_TIMEOUT_S), self._redis.pipeline(transaction=False) as pipeline:
                for entry in entries:
                    pipeline.xadd(STREAM, entry, maxlen=STREAM_ENTRIES, approximate=True)  # type: ignore[arg-type]  # invariant dict in its stubs
                await pipeline.execute()
        except (RedisError, OSError) as error:
            self._silent_until = time.monotonic() + _SILENCE_S
            log.warning("hints_lost", extra={"count": len(entries), "reason": type(error).__name__})
            return False
        return True

    async def _read_for_ever(self) -> None:
        last_id: str | None = None
        failures = 0
        while True:
            try:
                last_id = last_id or await self._newest_id()
                if failures:
                    # Only an answer shows that Redis is back; what is published after it will be read.
                    await self._redis.ping()
                    failures = 0
                    self._resync()
                last_id = await self._read_once(last_id)
            except (RedisError, OSError) as error:
                if failures == 0:
                    log.warning("event_reader_lost_redis", extra={"reason": type(error).__name__})
                await asyncio.sleep(_RECONNECT_S[min(failures, len(_RECONNECT_S) - 1)])
                failures += 1

    async def _newest_id(self) -> str:
        entries = await self._redis.xrevrange(STREAM, count=1)
        # An explicit id: with "$" whatever comes between two reads would be lost.
        return entries[0][0] if entries else "0-0"

    async def _read_once(self, last_id: str) -> str:
        asked_at = time.monotonic()
        answer = await self._redis.xread({STREAM: last_id}, count=1000, block=READ_BLOCK_MS)
        for _stream, entries in answer or ():
            for entry_id, entry in entries:
                last_id = entry_id
                # What this process told others it has heard itself before.
                hint = _decode(entry) if entry.get("from") != self._name else None
                if hint is not None:
                    self._deliver(hint)
        # Hints published before the question have been read, unless there were more than one reading holds.
        self._vouched_at = asked_at
        return last_id

    def _deliver(self, hint: Hint) -> None:
        for listener in (*self._listeners.get(hint.image_id, ()), *self._all_listeners):
            listener(hint)

    def _resync(self) -> None:
        for listener in tuple(self._resync_listeners):
            listener()


def _encode(hint: Hint) -> dict[str, str]:
    entry = {"image": str(hint.image_id), "at": repr(hint.committed_at)}
    more = {
        "received": hint.received_bytes,
        "kind": hint.kind.value if hint.kind is not None else None,
        "left": hint.left_album_id,
        "owner": hint.owner_id,
    }
    return entry | {name: str(value) for name, value in more.items() if value is not None}


def _decode(entry: dict[str, str]) -> Hint | None:
    # Other releases may run beside this one: what it does not understand is not for it.
    image_id = parse_uuid(entry.get("image", ""))
    if image_id is None:
        return None
    received, left, owner = entry.get("received"), parse_uuid(entry.get("left", "")), parse_uuid(entry.get("owner", ""))
    return Hint(
        ImageId(image_id),
        float(entry.get("at", "0")),
        int(received) if received else None,
        _KINDS.get(entry.get("kind", "")),
        AlbumId(left) if left is not None else None,
        AccountId(owner) if owner is not None else None,
    )


_KINDS = {kind.value: kind for kind in LibraryEventKind}
