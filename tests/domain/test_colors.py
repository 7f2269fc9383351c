"""Colours as CSS writes them, against Pillow's own table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageColor

from app.domain.colors import parse_color
from app.errors import InvalidRequest
from tests.support.option_texts import read_or_refusal


def test_names_are_those_of_css() -> None:
    parsed = {name: parse_color(name.upper(), field="background") for name in ImageColor.colormap}

    assert len(parsed) > 140
    assert parsed == {name: "#" + bytes(ImageColor.getrgb(name)).hex() for name in parsed}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#abc", "#aabbcc"),
        ("#abcd", "#aabbccdd"),
        ("abcf", "#aabbcc"),
        ("#A1B2C3", "#a1b2c3"),
        ("#a1b2c3ff", "#a1b2c3"),
        ("#a1b2c300", "#a1b2c300"),
        ("transparent", "#00000000"),
        ("rgb(1,2,3)", "#010203"),
        ("rgb(1 2 3)", "#010203"),
        ("rgb(999,2,3)", "#ff0203"),
        ("rgba(1,2,3,0)", "#01020300"),
        ("rgba(1 2 3 100)", "#010203"),
        ("rgb(1 2 3 / .5)", "#01020380"),
        ("rgb(1 2 3 / 25%)", "#01020340"),
    ],
)
def test_each_way_to_write_a_colour_gives_one_text(text: str, expected: str) -> None:
    assert parse_color(text, field="background") == expected


def parse_background(text: str) -> str:
    return parse_color(text, field="background")


@given(st.text(max_size=50) | st.text(alphabet="rgba(),/% .#0123456789", max_size=50))
def test_anything_is_a_colour_or_refused(text: str) -> None:
    outcome = read_or_refusal(parse_background, text)

    if isinstance(outcome, InvalidRequest):
        assert outcome.details == {"field": "background"}
    else:
        assert parse_color(outcome, field="background") == outcome
