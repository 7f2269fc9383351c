"""Pieces of pages and posts around a picture. Whatever people wrote is escaped for the place where it stands."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_MARKDOWN_SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&:/@])")
_SPACES = re.compile(r"\s+")
_ALLOWED_COLOR = re.compile(r"#[0-9a-f]{6}", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/=]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file of a `srcset`."""

    url: str
    width_px: int


@dataclass(frozen=True, slots=True)
class Source:
    """A `<source>`: the same picture in one format, in several widths."""

    media_type: str
    candidates: tuple[Candidate, ...]

    @property
    def srcset(self) -> str:
        """As the attribute has it, unescaped. Addresses of ours have neither spaces nor commas at their ends."""
        return ", ".join(f"{candidate.url} {candidate.width_px}w" for candidate in self.candidates)


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What is seen until the picture is there; for pictures that nothing shines through."""

    color: str
    """#rrggbb."""
    png_base64: str


@dataclass(frozen=True, slots=True)
class PictureParts:
    """All that a responsive picture needs."""

    sources: tuple[Source, ...]
    src: str
    """For those who know none of the sources' formats."""
    width_px: int
    height_px: int
    alt: str
    sizes: str
    backdrop: Backdrop | None = None


def make_picture(parts: PictureParts, *, is_first: bool = False, css_class: str | None = None) -> str:
    """A complete `<picture>`; `is_first` for what is seen at once, else it is loaded when it comes near.

    `sizes` may be anything: what browsers cannot read they take for 100vw.
    """
    sources = "".join(
        f"<source{_attributes({'type': each.media_type, 'srcset': each.srcset, 'sizes': parts.sizes})}>"
        for each in parts.sources
    )
    loading = {"fetchpriority": "high"} if is_first else {"loading": "lazy"}
    attributes = {
        "class": css_class,
        "src": parts.src,
        "width": parts.width_px,
        "height": parts.height_px,
        "alt": parts.alt,
        **loading,
        "decoding": "async",
        "style": _style(parts.backdrop),
    }
    return f"<picture>{sources}<img{_attributes(attributes)}></picture>"


def make_linked_image(page_url: str, src: str, alt: str, size_px: tuple[int, int] | None) -> str:
    """An `<img>` that leads to its page; its size in pixels where that is known."""
    width, height = size_px if size_px is not None else (None, None)
    image = {"src": src, "alt": alt, "width": width, "height": height, "loading": "lazy"}
    return f"<a{_attributes({'href': page_url})}><img{_attributes(image)}></a>"


def make_markdown(page_url: str, src: str, alt: str) -> str:
    """The same in Markdown (CommonMark)."""
    text = _MARKDOWN_SIGNS.sub(r"\\\1", _SPACES.sub(" ", alt).strip())
    return f"[![{text}](<{src}>)](<{page_url}>)"


def make_bbcode(page_url: str, src: str) -> str:
    """The same as boards write it; it has no place for words."""
    return f"[url={page_url}][img]{src}[/img][/url]"


def escape(text: str) -> str:
    """Safe as content and in quoted attributes of HTML."""
    return html.escape(text, quote=True)


def _attributes(values: Mapping[str, str | int | None]) -> str:
    said: Sequence[tuple[str, str | int]] = [(name, value) for name, value in values.items() if value is not None]
    return "".join(f' {name}="{escape(str(value))}"' for name, value in said)


def _style(backdrop: Backdrop | None) -> str | None:
    # Both come from our own decoder, by way of the database; a style is no place for anything else.
    if backdrop is None or not (_ALLOWED_COLOR.fullmatch(backdrop.color) and _BASE64.fullmatch(backdrop.png_base64)):
        return None
    picture = f"url(data:image/png;base64,{backdrop.png_base64})"
    return f"background:{backdrop.color} {picture} center/100% 100% no-repeat"
