"""The one file of a form, however the form is cut into chunks and whatever stands around it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidRequest, UploadIncomplete
from app.routes.forms import FRAMING_BYTES, FormFile, is_form

TYPE = "multipart/form-data; boundary=B"
HEAD = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'


async def read(body: bytes, cuts: Sequence[int] = (), *, content_type: str = TYPE) -> tuple[bytes, str | None]:
    form = FormFile(content_type, _cut(body, cuts))
    content = b"".join([chunk async for chunk in form.chunks()])
    return content, form.filename


async def _cut(body: bytes, cuts: Sequence[int]) -> AsyncIterator[bytes]:
    places = sorted({0, *(cut % (len(body) + 1) for cut in cuts), len(body)})
    for start, end in pairwise(places):
        yield body[start:end]


@given(
    content=st.binary(max_size=300),
    cuts=st.lists(st.integers(0, 10_000), max_size=20),
    part=st.sampled_from(["file", "image"]),
)
async def test_the_files_bytes_come_out_as_they_went_in(content: bytes, cuts: list[int], part: str) -> None:
    if b"--B" in content:
        return
    note = b'--B\r\nContent-Disposition: form-data; name="note"\r\n\r\nsome text\r\n'
    body = note + HEAD.replace(b'"file"', f'"{part}"'.encode()) + content + b"\r\n" + note + b"--B--\r\nepilogue"

    assert await read(body, cuts) == (content, "a.jpg")


@given(body=st.binary(max_size=400), cuts=st.lists(st.integers(0, 10_000), max_size=8))
async def test_no_body_is_a_fault(body: bytes, cuts: list[int]) -> None:
    for text in (body, b"--B\r\n" + body, HEAD + body, b"--B\r\nContent-Disposition: " + body + b"\r\n\r\nx\r\n--B--"):
        with suppress(InvalidRequest):
            await read(text, cuts)


@given(content_type=st.text(st.characters(max_codepoint=255), max_size=120))  # headers are Latin-1
async def test_no_content_type_is_a_fault(content_type: str) -> None:
    for text in (content_type, f"multipart/form-data; {content_type}", f"multipart/form-data; boundary={content_type}"):
        with suppress(InvalidRequest):
            await read(HEAD + b"x\r\n--B--", content_type=text)


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n--", b"\r\n--B", b"\r\n--C--\r\n"])
async def test_a_form_without_its_end_is_incomplete(end: bytes) -> None:
    with pytest.raises(UploadIncomplete):
        await read(HEAD + b"content" + end)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (HEAD + b"x\r\n" + HEAD + b"y\r\n--B--", "file"),
        (HEAD.replace(b"file", b"photo") + b"x\r\n--B--", "file"),
        (b"--B--", "file"),
        (HEAD.replace(b'"file"', b'"note"') + b"x" * (FRAMING_BYTES + 1), "body"),
        (HEAD + b"x\r\n--B--" + b"x" * FRAMING_BYTES, "body"),
        (HEAD + b"x\r\n" + (HEAD.replace(b'"file"', b'"note"') + b"\r\n") * 2_000 + b"--B--", "body"),
        (b"no form at all", "body"),
    ],
)
async def test_a_form_with_other_than_one_file_is_refused(body: bytes, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await read(body)

    assert refused.value.details == {"field": field}


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        (b'name="file"; filename="\xc3\xa9 b.jpg"', "é b.jpg"),
        (b'name="file"; filename="a\\"b.jpg"', 'a"b.jpg'),
        (b'name="file"; filename="a;b.jpg"', "a;b.jpg"),
        (b"name=file; filename=plain.jpg", "plain.jpg"),
        (b'name="file"', None),
        (b'name="file"; filename="\xff.jpg"', "\ufffd.jpg"),
    ],
)
async def test_the_filename_is_what_the_form_says(disposition: bytes, filename: str | None) -> None:
    body = b"--B\r\nContent-Disposition: form-data; " + disposition + b"\r\n\r\nx\r\n--B--"

    assert await read(body) == (b"x", filename)


@pytest.mark.parametrize(
    ("content_type", "is_one"),
    [(TYPE, True), ("Multipart/Form-Data; boundary=x", True), ("image/jpeg", False), (None, False), ("", False)],
)
def test_a_form_is_known_by_its_type(content_type: str | None, is_one: bool) -> None:
    assert is_form(content_type) is is_one
