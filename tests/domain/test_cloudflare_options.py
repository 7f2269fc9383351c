"""Cloudflare's option lists: what each means, what is refused and what does nothing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.cloudflare_options import is_option_list, parse_cloudflare_options
from app.domain.outputs import OutputFormat
from app.domain.transforms import OtherFit, Transform
from app.domain.variants import BUILT_IN_PRESETS, Fit, MetadataPolicy
from app.errors import InvalidRequest
from tests.support.option_texts import HOSTILE_TEXTS, read_hostile_texts, read_or_refusal

COPYRIGHT = MetadataPolicy.COPYRIGHT


def read(text: str) -> Transform:
    return parse_cloudflare_options(text).transform


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("w=400,sharpen=3", Transform(400, sharpen=3, metadata=COPYRIGHT)),
        ("width=400,height=300,fit=pad", Transform(400, 300, Fit.PAD, metadata=COPYRIGHT)),
        ("w=400,h=300,fit=squeeze", Transform(400, 300, OtherFit.SQUEEZE, metadata=COPYRIGHT)),
        ("w=4,h=3,fit=aspect-crop", Transform(4, 3, OtherFit.ASPECT_CROP, metadata=COPYRIGHT)),
        (
            "w=4,h=3,fit=cover,gravity=0.5x0.33",
            Transform(4, 3, Fit.COVER, focal_x=0.5, focal_y=0.33, metadata=COPYRIGHT),
        ),
        ("w=4,h=3,fit=crop,g=top", Transform(4, 3, Fit.CROP, focal_x=0.5, focal_y=0, metadata=COPYRIGHT)),
        ("w=4,h=3,fit=cover,gravity=auto", Transform(4, 3, Fit.COVER, metadata=COPYRIGHT)),
        ("w=4,h=3,fit=cover,gravity=face,zoom=0.5", Transform(4, 3, Fit.COVER, metadata=COPYRIGHT)),
        ("q=80,dpr=2,w=10", Transform(10, quality=80, dpr=2, metadata=COPYRIGHT)),
        ("quality=high", Transform(quality=90, metadata=COPYRIGHT)),
        ("blur=20,anim=false", Transform(blur=20, is_animated=False, metadata=COPYRIGHT)),
        ("rotate=90,flip=h", Transform(rotate=90, is_mirrored=True, metadata=COPYRIGHT)),
        ("background=red", Transform(background="#ff0000", metadata=COPYRIGHT)),
        ("background=rgb(240,40,145),w=7", Transform(7, background="#f02891", metadata=COPYRIGHT)),
        ("metadata=none", Transform()),
        ("metadata=keep", Transform(metadata=MetadataPolicy.KEEP)),
        ("saturation=0", Transform(is_grayscale=True, metadata=COPYRIGHT)),
        ("saturation=1,brightness=1.0,contrast=0,gamma=1", Transform(metadata=COPYRIGHT)),
        ("width=auto,onerror=redirect,compression=fast,scq=50", Transform(metadata=COPYRIGHT)),
    ],
)
def test_options_mean_what_cloudflare_documents(text: str, expected: Transform) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("w=1", OutputFormat.AUTO),
        ("f=auto", OutputFormat.AUTO),
        ("format=avif", OutputFormat.AVIF),
        ("f=webp", OutputFormat.WEBP),
        ("f=jpeg", OutputFormat.JPEG),
        ("f=baseline-jpeg", OutputFormat.JPEG),
        ("f=png", OutputFormat.PNG),
    ],
)
def test_the_format_is_told(text: str, output: OutputFormat) -> None:
    assert parse_cloudflare_options(text).output is output


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("format", "format=json"),
        ("format", "f=gif"),
        ("format", "f=auto,format=webp"),
        ("width", "w=0"),
        ("width", "width=AUTO"),
        ("width", "width=auto,w=9"),
        ("brightness", "brightness=1.5"),
        ("contrast", "contrast=0.5"),
        ("gamma", "gamma=2"),
        ("saturation", "saturation=0.5"),
        ("trim", "trim=20;30;20;0"),
        ("border", "border=5"),
        ("segment", "segment=foreground"),
        ("zoom", "zoom=1.5"),
        ("onerror", "onerror=https://evil.example"),
        ("compression", "compression=slow"),
        ("slow-connection-quality", "scq=0"),
        ("gravity", "gravity=centre"),
        ("dpr", "dpr=4"),
        ("unheard-of", "unheard-of=1"),
    ],
)
def test_what_is_wrong_or_cannot_be_done_is_named(field: str, text: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_cloudflare_options(text)

    assert refusal.value.details == {"field": field}


@pytest.mark.parametrize("text", [text for text in HOSTILE_TEXTS if text != "format=webp"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_cloudflare_options(text)


@given(st.text(alphabet="widthformaquy0123456789=,.x#", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    outcome = read_or_refusal(read, text)

    assert isinstance(outcome, Transform) or outcome.details["field"]


def test_no_text_of_the_hostile_corpus_raises_anything_else(corpus: Path) -> None:
    for text in read_hostile_texts(corpus):
        assert read_or_refusal(read, text)


def test_a_variants_name_is_no_option_list() -> None:
    assert is_option_list("w=400")
    assert not any(is_option_list(name) for name in BUILT_IN_PRESETS)
