"""The job render_image: claim, fetch, look at the headers, let the cage work, store and report each result."""

import asyncio
import errno
import hashlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from app.db.records import VariantRecord
from app.domain.cleaning.clean import clean
from app.domain.cleaning.scripts import find_breaks
from app.domain.formats import EXTENSIONS, MEDIA_TYPES, ImageFormat
from app.domain.headers.facts import Budget, HeaderFacts
from app.domain.headers.probe import probe
from app.domain.variants import MetadataPolicy
from app.errors import DerivativeNotAllowed, InternalError, Lack, RenderFailed, SafelightError, Starved, Unavailable
from app.foreign_errors import report_foreign_error
from app.ids import ImageId
from app.rendering.protocol import Decoded, NotRendered, Rendered
from app.rendering.sandbox import Cage
from app.services.making.claim import Claim, Part
from app.services.making.claims import ClaimService
from app.services.making.outcomes import StoredVariant
from app.storage.port import ObjectKey, ObjectNotFound, ObjectStore
from app.telemetry import DECODE_SECONDS, RENDER_SECONDS, RENDERS
from app.workers.plan import is_copied, make_specs
from app.workers.renewing import claim_or_return, renewing
from app.workers.replacing import HOPELESS, Judge, verdict_of
from app.workers.temp_dir import job_folder

log = logging.getLogger(__name__)

# More tries than a variant has at a time; what older ones may have left is found by the sweep.
_LOST_TRIES = 16
# In what these write, whoever made the picture may have chosen every byte.
_CODED_WITHOUT_LOSS = frozenset({ImageFormat.GIF, ImageFormat.PNG})


@dataclass(frozen=True, slots=True)
class RenderTools:
    """What a worker renders with."""

    claims: ClaimService
    store: ObjectStore
    cage: Cage
    budget: Budget
    scratch_dir: Path
    judge: Judge
    memory_bytes: int = 0
    """How much memory this worker has; 0 where that is not known."""


async def render(tools: RenderTools, image_id: ImageId) -> None:
    """Make whatever waits to be made of one image. Safe to run twice, and to be killed anywhere."""
    # Other bytes first: what is made of the old ones would be thrown away.
    await tools.judge.judge(image_id)
    claim = await _render_part(tools, image_id, Part.WANTED_FIRST)
    if claim is not None and claim.is_wanted:
        await _render_part(tools, image_id, Part.ALL)


async def render_wanted(tools: RenderTools, image_id: ImageId) -> None:
    """Make no more of one image than what a request may be waiting for."""
    await _render_part(tools, image_id, Part.WANTED)


async def _render_part(tools: RenderTools, image_id: ImageId, part: Part) -> Claim | None:
    claims = tools.claims
    claim = await claim_or_return(claims.claim(image_id, part), lambda taken: claims.hand_back(taken, taken.variants))
    if claim is not None:
        work = _Work(tools, claim)
        async with renewing(work.renew, lease=claims.lease):
            await work.run()
    return claim


class _Work:
    """One claim, and which of its variants are still to be made."""

    def __init__(self, tools: RenderTools, claim: Claim) -> None:
        self.tools = tools
        self.claim = claim
        self.open = {str(variant.id): variant for variant in claim.variants}

    async def renew(self) -> None:
        """Keep what is still to be made."""
        await self.tools.claims.renew(tuple(self.open.values()))

    async def run(self) -> None:
        """Render, and write down how it ended whatever happens."""
        try:
            await self._render()
        except HOPELESS as error:
            await self._reject(error)
        except asyncio.CancelledError:
            # The worker is told to stop: the next one shall not have to wait for the lease to run out.
            await asyncio.shield(self._hand_back())
            raise
        except Starved as error:
            await self._put_off(error.lack)
        except Unavailable:
            await self._put_off()
        except OSError as error:
            # All files are our own: what the machine lacks or refuses is no fault of the picture.
            code = errno.errorcode.get(error.errno or 0, type(error).__name__)
            report_foreign_error("disk", operation="render", code=code, error=error)
            await self._put_off()
        except SafelightError as error:
            await self._give_up_try(error)
        except ObjectNotFound as error:
            log.error("upload_lost", extra={"object_key": str(error.key)})
            await self._give_up_try(RenderFailed("The uploaded bytes cannot be read."))
        except Exception as error:
            log.error("render_bug", exc_info=error, extra={"image_id": str(self.claim.image.id)})
            await self._give_up_try(InternalError("Rendering broke off."))

    async def _render(self) -> None:
        started_at = time.perf_counter()
        with job_folder(self.tools.scratch_dir, "render-") as folder:
            source = folder / "source"
            await self.tools.store.fetch(ObjectKey.parse(self.claim.image.upload_key or ""), source)
            try:
                await self._render_source(source, started_at)
            except HOPELESS:
                # Before the picture is blamed: are these the bytes that were sent?
                await self._check_is_sent(source)
                raise

    async def _render_source(self, source: Path, started_at: float) -> None:
        facts = await asyncio.to_thread(_probe, source, self.tools.budget)
        original = next((variant for variant in self.open.values() if is_copied(variant, facts)), None)
        cleaning = asyncio.create_task(self._store_original(original, source, facts, source.with_name("clean")))
        try:
            await self._develop(source, facts, original, cleaning, started_at)
        finally:
            cleaning.cancel()
            # Its own end is told where it is waited for; here it shall only not outlive its files.
            await asyncio.gather(cleaning, return_exceptions=True)

    async def _check_is_sent(self, source: Path) -> None:
        if await asyncio.to_thread(_hash, source) != self.claim.image.sha256:
            log.error("upload_corrupt", extra={"object_key": self.claim.image.upload_key})
            raise RenderFailed("The uploaded bytes cannot be read.")

    async def _develop(
        self,
        source: Path,
        facts: HeaderFacts,
        original: VariantRecord | None,
        cleaning: "asyncio.Task[StoredVariant | None]",
        started_at: float,
    ) -> None:
        rendered = [variant for variant in self.open.values() if variant is not original]
        specs, refused = make_specs(self.claim, rendered, facts, self.tools.budget)
        wants_verdict = original is not None or not self.claim.has_verdict
        job = self.tools.cage.job(
            source,
            facts,
            specs,
            wants_verdict=wants_verdict,
            yields=not self.claim.is_wanted,
            is_alone=self.claim.runs_alone,
        )
        async with job as answers:
            async for answer in answers:
                if isinstance(answer, Decoded):
                    DECODE_SECONDS.observe(time.perf_counter() - started_at)
                    await self._accept(answer, original, await cleaning)
                elif isinstance(answer, Rendered):
                    await self._finish(answer)
                else:
                    await self._fail_one(answer)
        for answer in refused:
            await self._fail_one(answer)

    async def _store_original(
        self, variant: VariantRecord | None, source: Path, facts: HeaderFacts, target: Path
    ) -> StoredVariant | None:
        """The upload, losslessly cleaned, in the store: as soon as the verdict is good it may be served."""
        if variant is None:
            return None
        # Beside the decoding, which takes longer.
        await self._check_is_sent(source)
        metadata = self.claim.original_metadata
        sha256, byte_size = await asyncio.to_thread(_clean, source, target, facts, metadata)
        key = self._key(variant, facts.format)
        await self.tools.store.put(key, target, media_type=MEDIA_TYPES[facts.format])
        width_px, height_px = facts.displayed_size
        media_type = MEDIA_TYPES[facts.format]
        return StoredVariant(key, width_px, height_px, byte_size, sha256, media_type, facts.is_animated)

    async def _accept(self, decoded: Decoded, original: VariantRecord | None, stored: StoredVariant | None) -> None:
        is_ours = await self.tools.claims.accept(self.claim, verdict_of(decoded), stored)
        if original is not None and stored is not None:
            await self._settle(original, stored, is_ours=is_ours)

    async def _finish(self, answer: Rendered) -> None:
        variant = self.open[answer.key]
        sha256, byte_size = await asyncio.to_thread(_disarm, answer.path, answer.codec, self.tools.budget)
        key, media_type = self._key(variant, answer.codec), MEDIA_TYPES[answer.codec]
        await self.tools.store.put(key, answer.path, media_type=media_type)
        stored = StoredVariant(
            key, answer.width_px, answer.height_px, byte_size, sha256, media_type, answer.is_animated
        )
        RENDER_SECONDS.labels(family=variant.family.value).observe(answer.took_ms / 1000)
        is_ours = await self.tools.claims.finish(self.claim, variant, stored)
        await self._settle(variant, stored, is_ours=is_ours)

    async def _settle(self, variant: VariantRecord, stored: StoredVariant, *, is_ours: bool) -> None:
        del self.open[str(variant.id)]
        if not is_ours:
            # Another worker has the claim, and its file has another key.
            await self.tools.store.delete([stored.key])
            return
        RENDERS.labels(family=variant.family.value, outcome="ready").inc()
        # What tries before this one stored and did not live to commit, and what this file takes the place of.
        since = variant.attempt - min(_LOST_TRIES, max(0, variant.tries - 1))
        lost = {self._key_of_attempt(stored.key, variant, attempt) for attempt in range(since, variant.attempt)}
        if variant.object_key is not None:
            lost.add(ObjectKey.parse(variant.object_key))
        if lost:
            await self.tools.store.delete(lost)

    async def _fail_one(self, answer: NotRendered) -> None:
        variant = self.open.pop(answer.key)
        if answer.lacks_room:
            report_foreign_error("disk", operation="encode", code="ENOSPC")
            await self.tools.claims.put_off(self.claim, [variant])
            return
        log.warning("variant_not_made", extra={"variant_id": answer.key, "reason": answer.message})
        await self.tools.claims.give_up_try(self.claim, [variant], _error_of(answer))

    async def _reject(self, error: SafelightError) -> None:
        if await self.tools.claims.reject(self.claim, error) and self.claim.image.upload_key is not None:
            # Nothing of a refused upload is kept.
            await self.tools.store.delete([ObjectKey.parse(self.claim.image.upload_key)])

    async def _hand_back(self) -> None:
        if self.open:
            await self.tools.claims.hand_back(self.claim, tuple(self.open.values()))

    async def _put_off(self, lack: Lack | None = None) -> None:
        if self.open:
            variants = tuple(self.open.values())
            await self.tools.claims.put_off(self.claim, variants, lack=lack, memory_bytes=self.tools.memory_bytes)

    async def _give_up_try(self, error: SafelightError) -> None:
        if self.open:
            await self.tools.claims.give_up_try(self.claim, tuple(self.open.values()), error)

    def _key(self, variant: VariantRecord, codec: ImageFormat) -> ObjectKey:
        return ObjectKey.variant(
            variant.image_id,
            variant.generation,
            variant.attempt,
            variant.family,
            variant.size,
            EXTENSIONS[codec],
        )

    def _key_of_attempt(self, key: ObjectKey, variant: VariantRecord, attempt: int) -> ObjectKey:
        extension = key.text.rpartition(".")[2]
        return ObjectKey.variant(variant.image_id, variant.generation, attempt, variant.family, variant.size, extension)


def _error_of(answer: NotRendered) -> SafelightError:
    if answer.is_final:
        return DerivativeNotAllowed(answer.message)
    return RenderFailed("This variant could not be made.")


def _probe(path: Path, budget: Budget) -> HeaderFacts:
    with path.open("rb") as file:
        return probe(file, budget=budget)


def _clean(source: Path, target: Path, facts: HeaderFacts, metadata: MetadataPolicy) -> tuple[str, int]:
    with source.open("rb") as original, target.open("xb") as cleaned:
        clean(original, cleaned, facts, metadata=metadata)
    return _hash(target), target.stat().st_size


def _disarm(path: Path, codec: ImageFormat, budget: Budget) -> tuple[str, int]:
    """Hash and size of a rendered file without program text: pixels may be chosen so that coding them writes some."""
    with path.open("rb") as file:
        is_armed = codec in _CODED_WITHOUT_LOSS and bool(find_breaks(file, 0, path.stat().st_size))
    if not is_armed:
        return _hash(path), path.stat().st_size
    disarmed = path.with_name(f"{path.name}-disarmed")
    told = _clean(path, disarmed, _probe(path, budget), MetadataPolicy.NONE)
    disarmed.replace(path)
    return told


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
