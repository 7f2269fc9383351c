"""Which files are meant, and their bytes in bounded parts."""

import hashlib
from pathlib import Path

import pytest

from app.client.files import CHUNK_BYTES, examine, list_files, read_chunks
from app.client.problems import Problem


def names_of(*paths: Path) -> list[str]:
    return [found.name for found in list_files(paths) if isinstance(found, Path)]


def test_file_named_twice_is_meant_once(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a")

    assert names_of(tmp_path / "a.jpg", tmp_path, tmp_path / "a.jpg") == ["a.jpg"]


def test_folder_is_searched_for_pictures_in_order(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.heic", "c.txt", ".d.jpg"):
        (tmp_path / name).write_bytes(b"x")

    assert names_of(tmp_path) == ["a.heic", "b.PNG"]


def test_named_file_is_sent_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "IMG").write_bytes(b"x")

    assert names_of(tmp_path / "IMG") == ["IMG"]


async def test_bytes_come_in_bounded_parts_and_are_counted(tmp_path: Path) -> None:
    content = bytes(range(256)) * 2_500
    (tmp_path / "a").write_bytes(content)
    counted: list[int] = []

    picture = examine(tmp_path / "a")
    chunks = [chunk async for chunk in read_chunks(picture, counted.append)]

    assert b"".join(chunks) == content
    assert max(map(len, chunks)) <= CHUNK_BYTES
    assert counted[-1] == picture.byte_size == len(content)
    assert picture.sha256 == hashlib.sha256(content).hexdigest()


async def test_last_part_of_a_changed_file_never_goes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(3 * CHUNK_BYTES))
    picture = examine(path)
    sent: list[bytes] = []

    async def send() -> None:
        async for chunk in read_chunks(picture, lambda _: None):
            sent.append(chunk)
            path.write_bytes(b"1" * 3 * CHUNK_BYTES)

    with pytest.raises(Problem) as caught:
        await send()

    assert caught.value.code == "FILE_CHANGED"
    assert len(sent) < 3


async def test_file_that_was_replaced_before_it_is_sent_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    picture = examine(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"new")
    (tmp_path / "b").replace(tmp_path / "a")

    with pytest.raises(Problem) as caught:
        _ = [chunk async for chunk in read_chunks(picture, lambda _: None)]

    assert caught.value.code == "FILE_CHANGED"


async def test_file_that_is_gone_when_it_is_sent_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    picture = examine(tmp_path / "a")
    (tmp_path / "a").unlink()

    with pytest.raises(Problem) as caught:
        _ = [chunk async for chunk in read_chunks(picture, lambda _: None)]

    assert caught.value.code == "FILE_NOT_READABLE"
