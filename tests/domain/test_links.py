"""Stable paths: what is built is what is parsed, and nothing else is."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.links import StablePath, make_stable_path, parse_stable_path
from app.domain.variants import BUILT_IN_PRESETS, Derivative, Family
from app.ids import ImageId

IMAGE = "018f3a9e-8a5b-7c21-9d0e-1f2a3b4c5d6e"


@given(st.uuids(), st.sampled_from(Family), st.sampled_from(list(BUILT_IN_PRESETS)))
def test_parsing_undoes_building(image: UUID, family: Family, size: str) -> None:
    extension = "jpg" if family is Family.ORIGINAL else family.value
    path = make_stable_path(image, Derivative(family, size), extension)

    assert parse_stable_path(path) == StablePath(ImageId(image), Derivative(family, size))


@pytest.mark.parametrize("extension", ["jpg", "jpeg", "png", "gif", "webp", "avif", "heic"])
def test_of_the_original_every_picture_extension_is_good(extension: str) -> None:
    assert parse_stable_path(f"/f/{IMAGE}/original/original.{extension}") is not None


@pytest.mark.parametrize(
    "path",
    [
        f"/f/{IMAGE}/webp/small.avif",
        f"/f/{IMAGE}/webp/small",
        f"/f/{IMAGE}/webp/.webp",
        f"/f/{IMAGE}/WEBP/small.webp",
        f"/f/{IMAGE}/heic/small.heic",
        f"/f/{IMAGE}/original/original.exe",
        f"/f/{IMAGE}/original/original.jpg/",
        f"/f/{IMAGE}/webp/{'s' * 100}.webp",
        f"/f/{IMAGE.replace('-', '')}/webp/small.webp",
        f"//f/{IMAGE}/webp/small.webp",
        f"/f/../{IMAGE}/webp/small.webp",
        "/f/",
        "",
    ],
)
def test_what_is_no_stable_path_names_nothing(path: str) -> None:
    assert parse_stable_path(path) is None
