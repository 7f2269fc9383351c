"""Archives that are written as a stream: as long as was said before, and read by what everybody has."""

import io
import subprocess
import zipfile
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.filenames import portable_names
from app.domain.zip_format import (
    Member,
    Written,
    archive_bytes,
    archive_end,
    central_header,
    data_descriptor,
    local_header,
)
from tests.support.servers.programs import find_program
from tests.support.waiting import LIMIT_S

MOMENT = datetime(2024, 5, 6, 7, 8, 10, tzinfo=UTC)


def pack(contents: Sequence[tuple[str, bytes]]) -> bytes:
    out, written = bytearray(), []
    for name, content in contents:
        member = Member(name, len(content), MOMENT)
        written.append(Written(member, zlib.crc32(content), len(out)))
        out += local_header(member) + content + data_descriptor(member, zlib.crc32(content))
    directory = b"".join(map(central_header, written))
    return bytes(
        out + directory + archive_end(members=len(written), directory_offset=len(out), directory_bytes=len(directory))
    )


names = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.lists(st.tuples(names, st.binary(max_size=200)), max_size=8))
def test_whatever_goes_in_comes_out_and_the_length_was_known(contents: list[tuple[str, bytes]]) -> None:
    named = list(zip(portable_names([name for name, _ in contents]), [content for _, content in contents], strict=True))

    packed = pack(named)

    assert len(packed) == archive_bytes(Member(name, len(content), MOMENT) for name, content in named)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert [(line.filename, archive.read(line)) for line in archive.infolist()] == named
        assert {line.date_time for line in archive.infolist()} <= {(2024, 5, 6, 7, 8, 10)}
        assert {line.compress_type for line in archive.infolist()} <= {zipfile.ZIP_STORED}


def test_unzip_finds_no_fault(tmp_path: Path) -> None:
    unzip = find_program("unzip")
    if unzip is None:
        pytest.skip("no unzip in PATH; Python's own reader has looked at it above")
    path = tmp_path / "a.zip"
    path.write_bytes(pack([("ä b.jpg", b"hello"), ("empty.png", b"")]))

    done = subprocess.run([unzip, "-t", path], capture_output=True, text=True, check=False, timeout=LIMIT_S)

    assert done.returncode == 0, done.stdout


def test_sizes_and_places_beyond_4_gib_are_said_in_64_bits() -> None:
    member = Member("big.jpg", 5 * 2**30, MOMENT)

    assert local_header(member)[18:26] == b"\xff" * 8
    assert (5 * 2**30).to_bytes(8, "little") in local_header(member)
    assert (6 * 2**30).to_bytes(8, "little") in central_header(Written(member, 1, 6 * 2**30))
    assert archive_bytes([member]) > 5 * 2**30
    end = archive_end(members=70_000, directory_offset=6 * 2**30, directory_bytes=9)
    assert end[-22:][8:12] == b"\xff\xff\xff\xff"
    assert end[-22:][16:20] == b"\xff\xff\xff\xff"


@pytest.mark.parametrize(
    ("name", "portable"),
    [
        ("beach.jpg", "beach.jpg"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("C:\\boot.ini", "C__boot.ini"),
        ("a\0\r\n.jpg", "a___.jpg"),
        ('a"b<c>d|e?f*.jpg', "a_b_c_d_e_f_.jpg"),
        ("CON.jpg", "_CON.jpg"),
        ("nul", "_nul"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("console.jpg", "console.jpg"),
        ("trailing. .", "trailing"),
        (" ", "_"),
        ("..", "_"),
        ("", "_"),
    ],
)
def test_names_mean_nothing_else_on_any_system(name: str, portable: str) -> None:
    assert portable_names([name]) == [portable]


def test_names_differ_where_capitals_do_not_count() -> None:
    assert portable_names(["A.jpg", "a.jpg", "a-2.jpg", "a.JPG"]) == ["A.jpg", "a-2.jpg", "a-2-2.jpg", "a-3.JPG"]
