"""What people type and read."""

import pytest

from app.client.address import Address, parse_address
from app.client.wishes import Wishes, parse_derivative
from app.client.wording import amount, byte_text, clean, shorten


@pytest.mark.parametrize("url", ["http://h:1", "http://h:1/", "http://h:1/graphql", " http://h:1/?q=1 "])
def test_address_is_the_root_of_what_was_typed(url: str) -> None:
    assert parse_address(url, " sl_key\n") == Address("http://h:1", "sl_key")


def test_socket_has_the_scheme_of_its_address() -> None:
    assert parse_address("https://h/img", "k").socket_url == "wss://h/img/graphql"


@pytest.mark.parametrize(
    ("url", "key"), [("h:1", "k"), ("ftp://h", "k"), ("http://", "k"), ("http://h", "a b"), ("http://h", "ü")]
)
def test_what_cannot_be_asked_is_refused(url: str, key: str) -> None:
    with pytest.raises(ValueError, match=r"address|API key"):
        parse_address(url, key)


def test_key_is_not_shown() -> None:
    assert "secret" not in repr(Address("http://h", "secret"))


def test_what_was_not_wished_is_left_to_the_account() -> None:
    assert Wishes().for_file("a.jpg", 3, "ff") == {"filename": "a.jpg", "fileSize": 3, "sha256": "ff"}


def test_derivative_has_family_and_size() -> None:
    assert parse_derivative("WebP:w512") == ("webp", "w512")


@pytest.mark.parametrize("text", ["webp", "webp:", ":w512", "tiff:w512", ""])
def test_other_derivatives_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="FAMILY:SIZE"):
        parse_derivative(text)


def test_names_cannot_command_a_terminal() -> None:
    assert clean("a\x1b[2J\u202eb\n\udc80ü") == "a\ufffd[2J\ufffdb\ufffd\ufffdü"


def test_long_names_lose_their_middle() -> None:
    assert shorten("a-very-long-name.jpg", 10) == "a-ve…e.jpg"
    assert shorten("short.jpg", 10) == "short.jpg"


@pytest.mark.parametrize(
    ("byte_size", "text"),
    [(None, ""), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (353_000, "353 kB"), (5_501_628, "5.5 MB")],
)
def test_bytes_are_short(byte_size: int | None, text: str) -> None:
    assert byte_text(byte_size) == text


def test_one_is_not_many() -> None:
    assert (amount(1, "file", "files"), amount(1200, "file", "files")) == ("1 file", "1,200 files")
