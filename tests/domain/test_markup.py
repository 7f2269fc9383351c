"""Markup: whatever people wrote stays text, wherever it stands."""

from html.parser import HTMLParser

import pytest

from app.domain.markup import (
    Backdrop,
    Candidate,
    PictureParts,
    Source,
    make_bbcode,
    make_linked_image,
    make_markdown,
    make_picture,
)

PAGE = "https://img.example.org/i/Ab12Cd34Ef"
SRC = "https://img.example.org/f/1/original/original.jpg?exp=1&sig=2"
HOSTILE = [
    '"><script>alert(1)</script>',
    "' onerror='alert(1)",
    "]](javascript:alert(1))",
    "a\nb\r\n\r\n# c",
    "<!-- --> & &lt; &#x27; ]]>",
    "[/img][/url]",
    "\u202e\u2066mirror",
    "`code` **bold** ![x](y)",
]


class Reader(HTMLParser):
    """The tags of a piece of HTML with their attributes, and its text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def parts(alt: str, sizes: str = "100vw", backdrop: Backdrop | None = None) -> PictureParts:
    source = Source("image/webp", (Candidate(SRC, 200), Candidate(PAGE, 500)))
    return PictureParts((source,), SRC, 1600, 900, alt, sizes, backdrop)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_picture_says_what_people_wrote_and_nothing_else(text: str) -> None:
    read = Reader(make_picture(parts(text, sizes=text)))

    (outer, _), (_, source), (_, image) = read.tags
    assert (outer, read.text) == ("picture", "")
    assert source == {"type": "image/webp", "srcset": f"{SRC} 200w, {PAGE} 500w", "sizes": text}
    assert image == {
        "src": SRC,
        "width": "1600",
        "height": "900",
        "alt": text,
        "loading": "lazy",
        "decoding": "async",
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_a_linked_image_says_what_people_wrote_and_nothing_else(text: str) -> None:
    read = Reader(make_linked_image(PAGE, SRC, text, (20, 10)))

    assert [tag for tag, _ in read.tags] == ["a", "img"]
    assert read.tags[0][1] == {"href": PAGE}
    assert read.tags[1][1]["alt"] == text
    assert read.text == ""


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_is_one_line_whose_words_mean_nothing(text: str) -> None:
    written = make_markdown(PAGE, SRC, text)

    alt = written.removeprefix("[![").removesuffix(f"](<{SRC}>)](<{PAGE}>)")
    assert "\n" not in written
    assert "\r" not in written
    assert [sign for i, sign in enumerate(alt) if sign in "[]()<>`*!#" and alt[i - 1] != "\\"] == []


def test_boards_get_addresses_alone() -> None:
    assert make_bbcode(PAGE, SRC) == f"[url={PAGE}][img]{SRC}[/img][/url]"


def test_the_placeholder_lies_behind_the_picture() -> None:
    read = Reader(make_picture(parts("", backdrop=Backdrop("#a1b2c3", "iVBOR+/="))))

    expected = "background:#a1b2c3 url(data:image/png;base64,iVBOR+/=) center/100% 100% no-repeat"
    assert read.tags[-1][1]["style"] == expected


@pytest.mark.parametrize(
    "backdrop", [Backdrop("red;position:fixed", "iVBOR"), Backdrop("#a1b2c3", "x);background:url(//evil")]
)
def test_what_is_no_color_and_no_base64_is_no_style(backdrop: Backdrop) -> None:
    assert "style" not in Reader(make_picture(parts("", backdrop=backdrop))).tags[-1][1]


def test_what_is_seen_first_is_not_put_off() -> None:
    image = Reader(make_picture(parts(""), is_first=True, css_class="sheet")).tags[-1][1]

    assert "loading" not in image
    assert (image["fetchpriority"], image["class"]) == ("high", "sheet")
