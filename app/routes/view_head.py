"""What the page of an image says of itself to search engines, to other sites and to messengers."""

from collections.abc import Iterator
from urllib.parse import urlencode

from app.domain.markup import escape
from app.domain.variants import BUILT_IN_PRESETS, Derivative, Family
from app.services.delivery.responsive import alt_of
from app.services.delivery.showing import Shown

SITE_NAME = "Safelight"
_CARD = "og-image"
_MAX_DESCRIPTION_CHARACTERS = 300


def make_head(shown: Shown, base_url: str, *, is_coming: bool) -> str:
    """The tags of `<head>` that differ from image to image."""
    return "\n".join((*_describe(shown), *_share(shown, base_url), *_direct(shown, is_coming=is_coming)))


def title_of(shown: Shown) -> str:
    """What the page is called."""
    image = shown.snapshot.image
    return image.title or image.alt or image.filename


def author_of(shown: Shown) -> str:
    """Whose picture it is: who took it, as the camera knows, or else the account."""
    artist = (shown.snapshot.image.exif or {}).get("artist")
    return str(artist) if artist else shown.owner.display_name or shown.owner.username


def description_of(shown: Shown) -> str:
    """One paragraph; of a picture that nobody described, who made it."""
    text = shown.snapshot.image.description or f"A picture by {author_of(shown)}."
    flat = " ".join(text.split())
    if len(flat) <= _MAX_DESCRIPTION_CHARACTERS:
        return flat
    return flat[: _MAX_DESCRIPTION_CHARACTERS - 1].rstrip() + "…"


def _describe(shown: Shown) -> Iterator[str]:
    yield _meta("name", "description", description_of(shown))
    yield _meta("name", "author", author_of(shown))
    if shown.snapshot.image.dominant_color is not None:
        yield _meta("name", "theme-color", shown.snapshot.image.dominant_color)


def _share(shown: Shown, base_url: str) -> Iterator[str]:
    """OpenGraph, Twitter's card and oEmbed: of what anybody may see."""
    if not shown.is_public:
        return
    page = shown.linker.page()
    title, text = title_of(shown), description_of(shown)
    yield f'<link rel="canonical" href="{escape(page)}">'
    tags = {"og:type": "website", "og:site_name": SITE_NAME, "og:url": page, "og:title": title, "og:description": text}
    card = {"twitter:card": "summary", "twitter:title": title, "twitter:description": text}
    if not shown.snapshot.image.is_nsfw:
        tags |= _card_image(shown)
        card |= {"twitter:card": "summary_large_image", "twitter:image": tags["og:image"]}
        card |= {"twitter:image:alt": tags["og:image:alt"]}
    yield from (_meta("property", name, value) for name, value in tags.items())
    yield from (_meta("name", name, value) for name, value in card.items())
    address = f"{base_url}/oembed?{urlencode({'url': page})}"
    for media_type, link in (("application/json", address), ("text/xml", f"{address}&format=xml")):
        yield f'<link rel="alternate" type="{media_type}+oembed" href="{escape(link)}" title="{escape(title)}">'


def _card_image(shown: Shown) -> dict[str, str]:
    preset = BUILT_IN_PRESETS[_CARD]
    return {
        "og:image": shown.linker.derivative(Derivative(Family.ORIGINAL, _CARD)),
        "og:image:width": str(preset.width_px),
        "og:image:height": str(preset.height_px),
        "og:image:alt": alt_of(shown.snapshot.image) or title_of(shown),
    }


def _direct(shown: Shown, *, is_coming: bool) -> Iterator[str]:
    if not shown.is_public:
        yield _meta("name", "robots", "noindex, nofollow, noarchive")
    elif shown.snapshot.image.is_nsfw:
        yield _meta("name", "rating", "adult")
    if is_coming:
        # Without a script the page looks again by itself.
        yield '<noscript><meta http-equiv="refresh" content="3"></noscript>'


def _meta(kind: str, name: str, value: str) -> str:
    return f'<meta {kind}="{name}" content="{escape(value)}">'
