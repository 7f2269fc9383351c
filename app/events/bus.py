"""The hints that something changed, carried over one Redis stream; the database alone is the truth.

Every process has one reader. What Redis does not take is kept and sent when it is back; of too much the oldest is
lost, and then every reader is told to look anew. Whoever waits for a lost hint reads the rows again within 30 s, and
the sweep announces again what changed lately. A hint may arrive twice.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.domain.library_events import LibraryEventKind
from app.ending import end_tasks, start_loop
from app.events.hints import LOST_SINCE, Hint, decode, encode
from app.events.outbox import Outbox
from app.foreign_errors import report_redis_error
from app.ids import AccountId, AlbumId, ImageId, make_uuid
from app.redis_names import names_of
from app.telemetry import LOST_HINTS

log = logging.getLogger(__name__)

STREAM_ENTRIES = 100_000
READ_BLOCK_MS = 400
"""How long one read waits. While reads return, the stream vouches for what this process believes."""
_READ_ENTRIES = 1000
# Whoever has committed does not wait longer than that for a Redis that hangs, and not at all while others wait.
_PUBLISH_TIMEOUT_S = 0.5
# Short, as a change of privacy must show everywhere within a second of Redis' return.
_RETRY_S = 0.1
_RECONNECT_S = (0.05, 0.1, 0.25, 0.5, 1.0)


Listener = Callable[[Hint], None]
_NOWHERE: Mapping[ImageId, AlbumId | None] = {}
_NOBODY: Mapping[ImageId, AccountId] = {}


class EventBus:
    """Publishes hints, and hands each to this process's listeners: those of one image, and those of all."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._stream = names_of(redis).events
        self._name = make_uuid().hex
        self._listeners: dict[ImageId, set[Listener]] = {}
        self._all_listeners: set[Listener] = set()
        self._resync_listeners: set[Callable[[], None]] = set()
        self._reader: asyncio.Task[None] | None = None
        self._vouched_at = 0.0
        self._has_begun = False
        self._unsent = Outbox()
        self._sending = asyncio.Lock()
        self._resender: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read; whatever is published from now on arrives."""
        self._reader = start_loop(self._read_for_ever, name="event-reader")

    async def close(self) -> None:
        """Stop reading; what Redis has not taken is offered once more, and lost if it still hangs."""
        await end_tasks((self._reader, self._resender))
        with contextlib.suppress(RedisError, OSError):
            await self._try_to_send()
        LOST_HINTS.inc(len(self._unsent.keys() - {LOST_SINCE}))

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
        Never fails, and takes no longer than half a second: what Redis has not taken by then is sent when it is back.
        """
        now = time.time()
        hints = [
            Hint(image_id, now, received_bytes, kind, left_albums.get(image_id), owners.get(image_id))
            for image_id in dict.fromkeys(image_ids)
        ]
        # Whoever made something private or deleted it finds that so when it is answered.
        for hint in hints:
            self._deliver(hint)
            # Of an upload's progress the last word is enough.
            key: Hashable = object() if received_bytes is None else hint.image_id
            self._unsent.pop(key, None)
            self._unsent[key] = {**encode(hint), "from": self._name}
        if hints:
            await self._send()

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

    async def _send(self) -> None:
        try:
            # In turn, or what came later would overtake what came before.
            if self._resender is None:
                await self._try_to_send()
        except (RedisError, OSError) as error:
            report_redis_error("publish", error)
            self._send_later(error)
        except asyncio.CancelledError as error:
            # The change is committed all the same.
            self._send_later(error)
            raise
        if self._resender is not None:
            self._unsent.trim()

    async def _try_to_send(self) -> None:
        async with asyncio.timeout(_PUBLISH_TIMEOUT_S), self._sending:
            # No more than there is now: others add to it all the time, and send theirs in their turn.
            for batch in self._unsent.batches():
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for entry in batch.values():
                        pipeline.xadd(self._stream, entry, maxlen=STREAM_ENTRIES, approximate=True)  # type: ignore[arg-type]  # invariant dict in its stubs
                    await pipeline.execute()
                self._unsent.discard(batch)

    def _send_later(self, reason: BaseException) -> None:
        if self._resender is None:
            log.warning("hints_put_off", extra={"count": len(self._unsent), "reason": type(reason).__name__})
            self._resender = asyncio.create_task(self._send_until_empty(), name="event-resender")

    async def _send_until_empty(self) -> None:
        try:
            while self._unsent:
                try:
                    await self._try_to_send()
                except (RedisError, OSError):
                    await asyncio.sleep(_RETRY_S)
        finally:
            self._resender = None

    async def _read_for_ever(self) -> None:
        last_id: str | None = None
        # Begun again after a fault it must resync: between the two it heard nothing.
        failures = 1 if self._has_begun else 0
        self._has_begun = True
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
                report_redis_error("read_events", error)
                if failures == 0:
                    log.warning("event_reader_lost_redis", extra={"reason": type(error).__name__})
                await asyncio.sleep(_RECONNECT_S[min(failures, len(_RECONNECT_S) - 1)])
                failures += 1

    async def _newest_id(self) -> str:
        entries = await self._redis.xrevrange(self._stream, count=1)
        # An explicit id: with "$" whatever comes between two reads would be lost.
        return entries[0][0] if entries else "0-0"

    async def _read_once(self, last_id: str) -> str:
        asked_at = time.monotonic()
        answer = await self._redis.xread({self._stream: last_id}, count=_READ_ENTRIES, block=READ_BLOCK_MS)
        entries = answer[0][1] if answer else []
        for entry_id, entry in entries:
            last_id = entry_id
            # What this process told others it has heard itself before.
            if entry.get("from") != self._name:
                self._receive(entry)
        if len(entries) < _READ_ENTRIES:
            # All that was in the stream before the question has been read.
            self._vouched_at = asked_at
        return last_id

    def _receive(self, entry: dict[str, str]) -> None:
        if LOST_SINCE in entry:
            # What was vouched for since then was wrong; those who look anew ask how far back they must.
            self._vouched_at = min(self._vouched_at, time.monotonic() - time.time() + float(entry[LOST_SINCE]))
            self._resync()
        hint = decode(entry)
        if hint is not None:
            self._deliver(hint)

    def _deliver(self, hint: Hint) -> None:
        for listener in (*self._listeners.get(hint.image_id, ()), *self._all_listeners):
            listener(hint)

    def _resync(self) -> None:
        for listener in tuple(self._resync_listeners):
            listener()
