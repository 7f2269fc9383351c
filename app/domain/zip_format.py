"""The records of a ZIP archive whose members are stored as they are, for writing it as a stream (PKWARE's APPNOTE 6.3).

Everything is ZIP64, so that each record has one length whatever the sizes: how long an archive will be is known before
its first byte. Checksums are known only behind the bytes, where a data descriptor says them.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

_VERSION = 45  # 4.5 of the specification: ZIP64
_UNIX = 3 << 8
_FILE_MODE = 0o100644 << 16
_FLAGS = 0x0808  # a data descriptor follows; the name is UTF-8
_STORED = 0
_SAYS_ZIP64_32, _SAYS_ZIP64_16 = 0xFFFFFFFF, 0xFFFF
_ZIP64_EXTRA = 0x0001

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_LOCAL_EXTRA = struct.Struct("<HHQQ")
_DESCRIPTOR = struct.Struct("<4sIQQ")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_CENTRAL_EXTRA = struct.Struct("<HHQQQ")
_END_64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR = struct.Struct("<4sIQI")
_END = struct.Struct("<4sHHHHIIH")

_MEMBER_BYTES = _LOCAL.size + _LOCAL_EXTRA.size + _DESCRIPTOR.size + _CENTRAL.size + _CENTRAL_EXTRA.size
_END_BYTES = _END_64.size + _LOCATOR.size + _END.size


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive."""

    name: str
    byte_size: int
    changed_at: datetime
    """From 1980 on, in UTC; kept to two seconds."""


@dataclass(frozen=True, slots=True)
class Written:
    """A member that is in the stream already."""

    member: Member
    crc32: int
    offset: int
    """Of its local header, in bytes from the beginning."""


def archive_bytes(members: Iterable[Member]) -> int:
    """How long the archive of these members will be."""
    return _END_BYTES + sum(_MEMBER_BYTES + 2 * len(member.name.encode()) + member.byte_size for member in members)


def local_header(member: Member) -> bytes:
    """What stands before a member's bytes."""
    name = member.name.encode()
    extra = _LOCAL_EXTRA.pack(_ZIP64_EXTRA, _LOCAL_EXTRA.size - 4, member.byte_size, member.byte_size)
    times = _dos_times(member.changed_at)
    sizes = (_SAYS_ZIP64_32, _SAYS_ZIP64_32)
    head = _LOCAL.pack(b"PK\3\4", _VERSION, _FLAGS, _STORED, *times, 0, *sizes, len(name), len(extra))
    return head + name + extra


def data_descriptor(member: Member, crc32: int) -> bytes:
    """What stands behind a member's bytes."""
    return _DESCRIPTOR.pack(b"PK\7\10", crc32, member.byte_size, member.byte_size)


def central_header(written: Written) -> bytes:
    """A member's line in the directory at the end."""
    member, name = written.member, written.member.name.encode()
    extra = _CENTRAL_EXTRA.pack(
        _ZIP64_EXTRA, _CENTRAL_EXTRA.size - 4, member.byte_size, member.byte_size, written.offset
    )
    versions = (_UNIX | _VERSION, _VERSION)
    head = _CENTRAL.pack(
        b"PK\1\2",
        *versions,
        _FLAGS,
        _STORED,
        *_dos_times(member.changed_at),
        written.crc32,
        *(_SAYS_ZIP64_32, _SAYS_ZIP64_32),
        *(len(name), len(extra), 0, 0, 0),
        _FILE_MODE,
        _SAYS_ZIP64_32,
    )
    # The disk's number and the inner attributes are 0, the outer attributes are those of a plain file.
    return head + name + extra


def archive_end(*, members: int, directory_offset: int, directory_bytes: int) -> bytes:
    """What stands behind the directory."""
    at = directory_offset + directory_bytes
    counted = (members, members, directory_bytes, directory_offset)
    end_64 = _END_64.pack(b"PK\6\6", _END_64.size - 12, _UNIX | _VERSION, _VERSION, 0, 0, *counted)
    locator = _LOCATOR.pack(b"PK\6\7", 0, at, 1)
    few = min(members, _SAYS_ZIP64_16)
    sizes = (min(directory_bytes, _SAYS_ZIP64_32), min(directory_offset, _SAYS_ZIP64_32))
    return end_64 + locator + _END.pack(b"PK\5\6", 0, 0, few, few, *sizes, 0)


def _dos_times(moment: datetime) -> tuple[int, int]:
    year = min(max(moment.year, 1980), 2107)
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return time, (year - 1980) << 9 | moment.month << 5 | moment.day
