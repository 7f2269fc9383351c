"""Our policy is the one that ImageMagick obeys, and it takes six formats and nothing else."""

import json
import subprocess
import sys

import pytest

from app.rendering.zygote_process import _ENVIRONMENT as ZYGOTE_ENVIRONMENT
from tests.support.waiting import LIMIT_S

_TRY = """
import json, sys
from wand.image import Image
from wand.exceptions import WandException
from wand.resource import limits
answers = {}
for name, source in json.loads(sys.argv[1]).items():
    try:
        with Image(filename=source) as image:
            answers[name] = list(image.size)
    except WandException as error:
        answers[name] = type(error).__name__
answers["limits"] = {name: limits[name] for name in ("memory", "map", "disk", "thread")}
print(json.dumps(answers))
"""

REFUSED = {
    "text": "TXT:/etc/passwd",
    "mvg": "MVG:/etc/passwd",
    "msl": "MSL:/etc/passwd",
    "svg": "SVG:/etc/passwd",
    "url": "URL:http://127.0.0.1:9/x.png",
    "http": "HTTP://127.0.0.1:9/x.png",
    "https": "HTTPS://127.0.0.1:9/x.png",
    "ephemeral": "EPHEMERAL:/tmp/none",
    "caption": "CAPTION:hello",
    "label": "LABEL:hello",
    "plasma": "PLASMA:10x10",
    "canvas": "XC:red",
    "gradient": "GRADIENT:red-blue",
    "postscript": "PS:/etc/passwd",
    "pdf": "PDF:/etc/passwd",
    "tiff": "TIFF:/etc/passwd",
    "bmp": "BMP:/etc/passwd",
    "indirect": "@/etc/passwd",
}


@pytest.fixture(scope="module")
def answers() -> dict[str, object]:
    command = [sys.executable, "-c", _TRY, json.dumps(REFUSED)]
    done = subprocess.run(command, env=ZYGOTE_ENVIRONMENT, capture_output=True, check=True, timeout=LIMIT_S)
    result: dict[str, object] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("name", REFUSED)
def test_a_coder_that_is_not_named_is_refused(answers: dict[str, object], name: str) -> None:
    assert isinstance(answers[name], str), answers[name]


def test_pixels_stay_in_memory_and_on_one_thread(answers: dict[str, object]) -> None:
    assert answers["limits"] == {"memory": 1000 * 2**20, "map": 0, "disk": 0, "thread": 1}
