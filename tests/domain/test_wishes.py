"""Wishes have names: one for each transformation, none that a preset could have, all of them good in object keys."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.presets import check_name
from app.domain.transforms import Transform, parse_options
from app.domain.variants import BUILT_IN_PRESETS, Family
from app.domain.wishes import FREE_MARK, Wish, size_name
from app.errors import InvalidRequest
from app.ids import ImageId, make_uuid
from app.storage.port import ObjectKey

transforms = st.builds(
    Transform,
    width_px=st.none() | st.integers(1, 4_000),
    height_px=st.none() | st.integers(1, 4_000),
    quality=st.integers(1, 100),
    blur=st.floats(0, 250),
    dpr=st.floats(1, 3),
    rotate=st.sampled_from([0, 90, 180, 270]),
    is_grayscale=st.booleans(),
)


@given(transforms, transforms)
def test_two_transformations_have_one_name_just_where_they_are_the_same(left: Transform, right: Transform) -> None:
    assert (size_name(left) == size_name(right)) == (left == right)


@given(transforms)
def test_a_wish_is_what_its_options_say(transform: Transform) -> None:
    wish = Wish(Family.WEBP, transform)

    assert wish.options is not None
    assert wish.is_free
    assert Wish(Family.WEBP, parse_options(wish.options)) == wish
    assert wish.derivative.size == size_name(transform)


@given(transforms)
def test_no_preset_can_be_called_like_a_free_transformation(transform: Transform) -> None:
    name = size_name(transform)

    assert name.startswith(FREE_MARK)
    try:
        check_name(name)
    except InvalidRequest:
        return
    raise AssertionError(name)


@given(transforms, st.sampled_from(Family))
def test_every_free_transformation_has_an_object_key(transform: Transform, family: Family) -> None:
    key = ObjectKey.variant(ImageId(make_uuid()), 3, 2**30, family, size_name(transform), "webp")

    assert ObjectKey.parse(key.text) == key


def test_a_presets_wish_is_its_name() -> None:
    for name in BUILT_IN_PRESETS:
        wish = Wish(Family.PNG, name)

        assert (wish.derivative.size, wish.options, wish.is_free) == (name, None, False)
