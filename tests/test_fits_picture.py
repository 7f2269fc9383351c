"""The picture of the fits in the documentation shows what the code does."""

from tests.support.fits_picture import draw_fits
from tests.support.paths import ROOT

DRAWN = ROOT / "docs" / "pictures" / "fits.svg"


def test_the_picture_of_the_fits_is_drawn_from_the_geometry() -> None:
    assert DRAWN.read_text() == draw_fits(), "python -m tests.support.fits_picture > docs/pictures/fits.svg"
