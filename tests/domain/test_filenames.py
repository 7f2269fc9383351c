"""Names as people send them, made safe."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.filenames import MAX_FILENAME_BYTES, clean_filename, download_filename, number_filename
from app.domain.formats import ImageFormat


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("beach.jpg", "beach.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\cat.png", "cat.png"),
        ("a\x00b\r\n.jpg", "ab.jpg"),
        ("gpj.\u202eexe.jpg", "gpj.exe.jpg"),
        ("e\u0301t\u00e9.jpg", "\u00e9t\u00e9.jpg"),
        ("\u65e5\u672c.jpg", "\u65e5\u672c.jpg"),
        ("..", "fallback"),
        ("", "fallback"),
        ("   ", "fallback"),
        (None, "fallback"),
        ("dir/", "fallback"),
    ],
)
def test_a_name_keeps_what_is_harmless(sent: str | None, kept: str) -> None:
    assert clean_filename(sent, fallback="fallback") == kept


def test_a_long_name_keeps_its_extension() -> None:
    name = clean_filename("\u00e4" * 400 + ".jpeg", fallback="fallback")

    assert len(name.encode()) <= MAX_FILENAME_BYTES
    assert name.endswith("\u00e4.jpeg")


@given(st.text(max_size=600))
def test_whatever_is_sent_the_name_is_safe(sent: str) -> None:
    name = clean_filename(sent, fallback="fallback")

    assert 1 <= len(name.encode()) <= MAX_FILENAME_BYTES
    assert "/" not in name
    assert "\\" not in name
    assert name not in {".", ".."}
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in name)


@pytest.mark.parametrize(
    ("name", "numbered"),
    [
        ("beach.jpg", "beach-2.jpg"),
        ("beach-2.jpg", "beach-2-2.jpg"),
        ("beach", "beach-2"),
        (".hidden", ".hidden-2"),
        ("a.b.tar", "a.b-2.tar"),
        ("no.extension at all this is", "no.extension at all this is-2"),
        ("\u00e4" * 125 + ".jpeg", "\u00e4" * 124 + "-2.jpeg"),
    ],
)
def test_a_number_stands_before_the_extension(name: str, numbered: str) -> None:
    assert number_filename(name, 2) == numbered


@given(st.text(max_size=600), st.integers(2, 10_000))
def test_a_numbered_name_is_as_safe_and_another(sent: str, number: int) -> None:
    name = clean_filename(sent, fallback="fallback")

    numbered = number_filename(name, number)

    assert numbered != name
    assert len(numbered.encode()) <= MAX_FILENAME_BYTES


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        *(("a.png", "a.png"), ("a.PNG", "a.PNG"), ("a.apng", "a.apng"), ("a", "a.png"), (".png", ".png.png")),
        *(("a.html", "a.html.png"), ("a.jpg", "a.jpg.png"), ("a.png.exe", "a.png.exe.png"), ("a.", "a..png")),
        ("\u00e4" * 127, "\u00e4" * 125 + ".png"),
    ],
)
def test_a_download_is_called_as_its_format(name: str, saved: str) -> None:
    assert download_filename(name, ImageFormat.PNG) == saved
