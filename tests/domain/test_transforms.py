"""Free transformations: one text for each, and nothing beyond the limits."""

import math
import string
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.formats import ImageFormat
from app.domain.headers.facts import Budget
from app.domain.transform_geometry import plan_transform
from app.domain.transforms import MAX_OPTIONS_CHARACTERS, OtherFit, Transform, parse_options, write_options
from app.domain.variant_sizes import plan_variant
from app.domain.variants import Fit, FocalPoint, Geometry, MetadataPolicy
from app.errors import InvalidRequest
from tests.support.option_texts import HOSTILE_TEXTS, read_hostile_texts, read_or_refusal

SIDES = st.none() | st.integers(1, 4000)
SHARES = st.none() | st.floats(0, 1)
COLORS = st.none() | st.from_regex(r"#([0-9a-fA-F]{6}|[0-9a-fA-F]{8})", fullmatch=True) | st.just("rebeccapurple")
TRANSFORMS = st.builds(
    Transform,
    width_px=SIDES,
    height_px=SIDES,
    fit=st.sampled_from([*Fit, *OtherFit]),
    focal_x=SHARES,
    focal_y=SHARES,
    quality=st.integers(1, 100),
    background=COLORS,
    blur=st.floats(0, 250),
    sharpen=st.floats(0, 10),
    rotate=st.sampled_from([0, 90, 180, 270]),
    is_mirrored=st.booleans(),
    is_grayscale=st.booleans(),
    dpr=st.floats(1, 3),
    is_animated=st.booleans(),
    metadata=st.sampled_from(MetadataPolicy),
)


@given(TRANSFORMS)
def test_what_is_written_is_read_back(transform: Transform) -> None:
    assert parse_options(write_options(transform)) == transform


@given(TRANSFORMS, TRANSFORMS)
def test_equal_ones_and_only_those_have_the_same_text(first: Transform, second: Transform) -> None:
    assert (write_options(first) == write_options(second)) == (first == second)


@given(TRANSFORMS)
def test_a_text_can_stand_in_a_path(transform: Transform) -> None:
    text = write_options(transform)

    assert 1 <= len(text) <= MAX_OPTIONS_CHARACTERS
    assert set(text) <= set(string.ascii_lowercase + string.digits + "=,.-")


@given(TRANSFORMS, st.randoms(use_true_random=False))
def test_the_order_of_options_does_not_matter(transform: Transform, random: Random) -> None:
    options = write_options(transform).split(",")
    random.shuffle(options)

    assert parse_options(",".join(options)) == transform


@given(st.text(alphabet=string.ascii_lowercase + string.digits + "=,.-#()% xé\0\ud800", max_size=80) | st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    outcome = read_or_refusal(parse_options, text)

    if isinstance(outcome, InvalidRequest):
        assert isinstance(outcome.details["field"], str)
    else:
        assert parse_options(write_options(outcome)) == outcome


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=lambda text: ascii(text[:30]))
def test_what_is_no_list_or_beyond_a_limit_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_options(text)

    assert isinstance(refusal.value.details["field"], str)
    assert len(refusal.value.message) < 300


def test_no_text_of_the_hostile_corpus_raises_anything_else(corpus: Path) -> None:
    for text in read_hostile_texts(corpus):
        assert read_or_refusal(parse_options, text)


@pytest.mark.parametrize(
    ("field", "wish"),
    [
        ("width", {"width_px": 0}),
        ("width", {"width_px": 12_001}),
        ("width", {"width_px": -(2**31)}),
        ("height", {"height_px": 0}),
        ("focalX", {"focal_x": 1.01}),
        ("focalY", {"focal_y": -0.01}),
        ("quality", {"quality": 0}),
        ("quality", {"quality": 101}),
        ("background", {"background": "nocolour"}),
        ("background", {"background": ""}),
        ("background", {"background": "\ud800"}),
        ("blur", {"blur": 250.1}),
        ("blur", {"blur": -1}),
        ("blur", {"blur": math.nan}),
        ("sharpen", {"sharpen": 11}),
        ("rotate", {"rotate": 45}),
        ("dpr", {"dpr": 0.9}),
        ("dpr", {"dpr": math.inf}),
        ("dpr", {"width_px": 12_000, "dpr": 1.01}),
    ],
)
def test_the_value_at_fault_is_named(field: str, wish: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        Transform(**wish)  # type: ignore[arg-type]  # each wish has its own types

    assert refusal.value.details == {"field": field}


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("width=400,height=300", "w=400,h=300"),
        ("w=400,fit=cover", "w=400,fit=contain"),
        ("w=400,fit=crop", "w=400"),
        ("w=400,h=300,gravity=0x1", "w=400,h=300"),
        ("fit=pad,dpr=2", "fit=scale-down"),
        ("w=9,q=85,rotate=0,blur=0,sharpen=0.0,anim=true,dpr=1.0,grayscale=false,metadata=none", "w=9"),
        ("flip=v", "flip=h,rotate=180"),
        ("flip=hv,rotate=270", "rotate=90"),
        ("w=9,h=9,fit=cover,gravity=left", "w=9,h=9,fit=cover,fx=0,fy=0.5"),
        ("w=9,h=9,fit=cover,gravity=face", "w=9,h=9,fit=cover"),
        ("background=#F00", "background=ff0000"),
        ("background=rgba(255,0,0,0.5)", "background=ff000080"),
        ("background=rgb(255 0 0 / 50%)", "background=ff000080"),
        ("blur=2.004", "blur=2"),
        ("q=low", "q=50"),
    ],
)
def test_one_wish_has_one_form(text: str, same: str) -> None:
    assert parse_options(text) == parse_options(same)
    assert write_options(parse_options(text)) == write_options(parse_options(same))


@pytest.mark.parametrize(
    ("transform", "size", "expected"),
    [
        # The box is that of the rotated picture; its geometry is that of the picture before.
        (Transform(100, 200, rotate=90), (400, 300), Geometry((133, 100), (133, 100))),
        (Transform(100, 50, Fit.COVER, rotate=270), (400, 400), Geometry((100, 100), (50, 100))),
        (Transform(100, 50, Fit.COVER, rotate=180), (400, 400), Geometry((100, 100), (100, 50))),
        (Transform(100, dpr=2), (400, 300), Geometry((200, 150), (200, 150))),
        (Transform(300, dpr=2), (400, 300), Geometry((400, 300), (400, 300))),
        (Transform(1920, 1120, OtherFit.ASPECT_CROP), (612, 613), Geometry((612, 613), (612, 357))),
        (Transform(500, 500, OtherFit.ASPECT_CROP), (1080, 720), Geometry((750, 500), (500, 500))),
        (Transform(1080, 540, OtherFit.SQUEEZE), (1080, 1080), Geometry((1080, 540), (1080, 540))),
        (Transform(), (7, 5), Geometry((7, 5), (7, 5))),
    ],
)
def test_geometry_of_free_transformations(transform: Transform, size: tuple[int, int], expected: Geometry) -> None:
    assert plan_transform(transform, *size) == expected


def test_a_focal_point_of_ones_own_stands_before_that_of_the_image() -> None:
    def left_of(transform: Transform) -> int:
        return plan_transform(transform, 400, 100, FocalPoint(1, 0)).corner[0]

    box = {"width_px": 100, "height_px": 100, "fit": Fit.COVER}
    assert left_of(Transform(**box)) == 300  # type: ignore[arg-type]  # a mixed dictionary
    assert left_of(Transform(**box, focal_x=0)) == 0  # type: ignore[arg-type]
    assert left_of(Transform(**box, focal_y=1)) == 300  # type: ignore[arg-type]


@given(TRANSFORMS, st.integers(1, 16_384), st.integers(1, 16_384))
def test_no_result_is_larger_than_pictures_that_come_in(transform: Transform, width_px: int, height_px: int) -> None:
    budget = Budget()

    def plan(size: tuple[int, int]) -> Geometry:
        return plan_variant(transform, ImageFormat.PNG, size, budget=budget)

    geometry = read_or_refusal(plan, (width_px, height_px))

    if isinstance(geometry, InvalidRequest):
        assert geometry.details == {"field": "width"}
        return
    for sides in (geometry.final, geometry.cropped):
        assert min(sides) >= 1
        assert sides[0] * sides[1] <= budget.max_frame_pixels
    if transform.fit in {Fit.SCALE_DOWN, Fit.CROP, OtherFit.ASPECT_CROP}:
        assert geometry.final[0] <= width_px
        assert geometry.final[1] <= height_px
