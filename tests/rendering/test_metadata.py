"""What outputs carry besides pixels: nothing, the copyright, or the camera's EXIF without its turn."""

from pathlib import Path

import pytest
from PIL import Image

from app.domain.formats import ImageFormat
from app.domain.variants import MetadataPolicy
from app.rendering.sandbox import Cage
from tests.support.render_fixture import box, make_spec, render
from tests.support.render_inputs import ORIENTATION_TAG, exif_with, make_quarters, save

pytestmark = pytest.mark.asyncio(loop_scope="session")

MAKE, ARTIST, COPYRIGHT = 0x010F, 0x013B, 0x8298
CODECS = (ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.AVIF)
SECRET = "Canary Camera"


def make_source(directory: Path, extension: str) -> Path:
    exif = exif_with({MAKE: SECRET, ARTIST: "Ada", COPYRIGHT: "2026 Ada", ORIENTATION_TAG: 6})
    return save(make_quarters(90, 60), directory / f"photo.{extension}", exif=exif, comment=b"a comment", quality=95)


@pytest.mark.parametrize("extension", ["jpg", "png", "webp"])
@pytest.mark.parametrize("policy", MetadataPolicy)
async def test_each_policy_leaves_what_it_says(
    cage: Cage, tmp_path: Path, policy: MetadataPolicy, extension: str
) -> None:
    source = make_source(tmp_path, extension)
    specs = [make_spec(source, codec, box(30), metadata=policy) for codec in CODECS]

    outcome = await render(cage, source, specs)

    for spec in specs:
        content = outcome.files[spec.key].read_bytes()
        with Image.open(outcome.files[spec.key]) as picture:
            exif = picture.getexif()
            assert picture.size == (30, 45)
        assert exif.get(ORIENTATION_TAG, 1) == 1
        assert exif.get(COPYRIGHT) == (None if policy is MetadataPolicy.NONE else "2026 Ada"), spec.key
        assert exif.get(MAKE) == (SECRET if policy is MetadataPolicy.KEEP else None), spec.key
        assert (SECRET.encode() in content) is (policy is MetadataPolicy.KEEP)
        assert b"a comment" not in content
        assert b"date:" not in content


async def test_a_picture_without_exif_gets_none(cage: Cage, tmp_path: Path) -> None:
    source = save(make_quarters(90, 60), tmp_path / "bare.jpg")
    specs = [make_spec(source, codec, box(30), metadata=MetadataPolicy.KEEP) for codec in CODECS]

    outcome = await render(cage, source, specs)

    for spec in specs:
        with Image.open(outcome.files[spec.key]) as picture:
            assert not dict(picture.getexif())
