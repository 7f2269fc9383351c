"""Look at a file that has come whole, before anything decodes it."""

import asyncio
from pathlib import Path

from app.domain.headers.exif import read_exif
from app.domain.headers.facts import Budget, ExifFacts, HeaderFacts
from app.domain.headers.probe import probe
from app.errors import ChecksumMismatch
from app.services.uploads.disk_faults import disk_faults
from app.services.uploads.leases import SessionLease
from app.services.uploads.registration import Arrival
from app.services.uploads.spool import SpooledFile
from app.storage.port import ObjectKey


async def check_file(lease: SessionLease, file: SpooledFile, filename: str | None, budget: Budget) -> Arrival:
    """What is told of the file by its headers, and where it will lie.

    Raises:
        ChecksumMismatch: these are not the bytes that were announced.
        InvalidImage, ImageTooLarge: the headers are broken, or promise more than the budget.
    """
    announced = lease.session.announced_sha256
    if announced is not None and announced != file.sha256:
        raise ChecksumMismatch("These are other bytes than those whose SHA-256 was announced.")
    facts, exif = await asyncio.to_thread(_read_headers, file.path, budget)
    return Arrival(file, facts, exif, ObjectKey.upload(lease.session.image_id, 1, lease.lease_id), filename)


def _read_headers(path: Path, budget: Budget) -> tuple[HeaderFacts, ExifFacts | None]:
    with disk_faults("read_upload"), path.open("rb") as file:
        facts = probe(file, budget=budget)
        file.seek(0)
        return facts, read_exif(file, facts)
