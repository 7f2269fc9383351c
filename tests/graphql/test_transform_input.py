"""`TransformInput`: what it means as a transformation, and the field that is named where a value cannot be."""

import math

import pytest

from app.domain.transforms import Transform
from app.domain.variants import Fit, MetadataPolicy
from app.errors import InvalidRequest
from app.schema.signing import TransformInput, read_transform


def test_an_empty_input_changes_nothing() -> None:
    assert read_transform(TransformInput()) == Transform()


def test_every_field_has_its_meaning() -> None:
    wish = TransformInput(
        width=400,
        height=300,
        fit=Fit.COVER,
        focal_x=0.25,
        focal_y=0.75,
        quality=60,
        background="red",
        blur=2.5,
        sharpen=1.5,
        rotate=90,
        grayscale=True,
        dpr=2,
        animated=False,
        metadata=MetadataPolicy.KEEP,
    )

    assert read_transform(wish) == Transform(
        width_px=400,
        height_px=300,
        fit=Fit.COVER,
        focal_x=0.25,
        focal_y=0.75,
        quality=60,
        background="#ff0000",
        blur=2.5,
        sharpen=1.5,
        rotate=90,
        is_grayscale=True,
        dpr=2,
        is_animated=False,
        metadata=MetadataPolicy.KEEP,
    )


@pytest.mark.parametrize(
    ("field", "wish"),
    [
        ("width", TransformInput(width=0)),
        ("height", TransformInput(height=12_001)),
        ("focalX", TransformInput(focal_x=-0.1)),
        ("focalY", TransformInput(focal_y=1.1)),
        ("quality", TransformInput(quality=0)),
        ("quality", TransformInput(quality=101)),
        ("background", TransformInput(background="")),
        ("background", TransformInput(background="url(https://evil.example)")),
        ("blur", TransformInput(blur=251)),
        ("blur", TransformInput(blur=math.nan)),
        ("sharpen", TransformInput(sharpen=-1)),
        ("rotate", TransformInput(rotate=45)),
        ("dpr", TransformInput(dpr=0)),
        ("dpr", TransformInput(width=12_000, dpr=2)),
    ],
)
def test_a_value_that_cannot_be_is_named(field: str, wish: TransformInput) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read_transform(wish)

    assert refusal.value.details == {"field": field}
