"""A multipart form with its one file, streamed: RFC 7578, read by python-multipart's parser."""

from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.errors import InvalidRequest, UploadIncomplete

FILE_PARTS = frozenset({b"file", b"image"})
FRAMING_BYTES = 64 * 1024
"""How much longer than its file a form may be: boundaries, headers, small fields."""
_MAX_HEADER_BYTES = 8 * 1024
_MAX_FIELDS = 200


class FormFile:
    """Reads a form chunk by chunk; yields the bytes of its one file part, and keeps every other field."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes], *, needs_file: bool = True) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary:
            raise InvalidRequest("The form names no boundary in its Content-Type.", details={"field": "Content-Type"})
        self._body = body
        self._needs_file = needs_file
        self._parser = _make_parser(boundary, self)
        self._header_name = b""
        self._header_value = b""
        self._headers: dict[bytes, bytes] = {}
        self._is_in_file = False
        self._name: str | None = None
        self._value = bytearray()
        self._is_ended = False
        self._files_seen = 0
        self._file_bytes = self._received_bytes = 0
        self._pending: list[bytes] = []
        self.filename: str | None = None
        """As the form gives it; known once the file's first bytes are."""
        self.fields: list[tuple[str, str]] = []
        """Names and values of all that is no file, in their order; complete once the form is. What is no UTF-8 reads
        as U+FFFD."""

    @property
    def has_file(self) -> bool:
        """Has its file begun?"""
        return self._files_seen > 0

    async def chunks(self) -> AsyncIterator[bytes]:
        """The file's bytes.

        Raises:
            InvalidRequest: this is no form, it holds no file or two, or is more than `FRAMING_BYTES` longer than it.
            UploadIncomplete: the form ends before its last boundary.
        """
        async for chunk in self._body:
            self._received_bytes += len(chunk)
            self._parse(chunk)
            self._check_framing()
            pending, self._pending = self._pending, []
            for part in pending:
                yield part
        if not self._is_ended:
            raise UploadIncomplete("The form ended before its last boundary. Send it again.")
        if self._files_seen == 0 and self._needs_file:
            raise InvalidRequest("The form has no file: a part called file or image.", details={"field": "file"})

    def _parse(self, chunk: bytes) -> None:
        if self._is_ended:
            return  # an epilogue: it is counted, as all that is not the file
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InvalidRequest("The form cannot be understood.", details={"field": "body"}) from error

    def _check_framing(self) -> None:
        if self._received_bytes - self._file_bytes > FRAMING_BYTES:
            raise InvalidRequest(
                f"The form has more than {FRAMING_BYTES} bytes beside its file. Send fewer and shorter fields, and "
                "nothing behind the closing boundary.",
                details={"field": "body"},
            )

    def on_part_begin(self) -> None:
        """Begin to collect a part's headers."""
        self._headers = {}

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        """Collect part of a header's name."""
        self._header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        """Collect part of a header's value."""
        self._header_value += data[start:end]

    def on_header_end(self) -> None:
        """Keep a header."""
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def on_headers_finished(self) -> None:
        """See whether this part is the file."""
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        name = options.get(b"name", b"")
        self._is_in_file = name in FILE_PARTS
        if not self._is_in_file:
            self._name = name.decode("utf-8", "replace")
            return
        self._files_seen += 1
        if self._files_seen > 1:
            raise InvalidRequest("The form has more than one file; a session takes one.", details={"field": "file"})
        filename = options.get(b"filename")
        self.filename = filename.decode("utf-8", "replace") if filename is not None else None

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """Hand the file's bytes on, and collect those of other fields."""
        if self._is_in_file:
            self._file_bytes += end - start
            self._pending.append(data[start:end])
            return
        self._value += data[start:end]

    def on_part_end(self) -> None:
        """Keep a field."""
        if len(self.fields) >= _MAX_FIELDS:
            raise InvalidRequest("The form has too many fields.", details={"field": "body"})
        if self._name is not None:
            self.fields.append((self._name, self._value.decode("utf-8", "replace")))
        self._name, self._value = None, bytearray()

    def on_end(self) -> None:
        """Note the last boundary."""
        self._is_ended = True


def is_form(content_type: str | None) -> bool:
    """Does a request bring a form?"""
    return content_type is not None and content_type.lower().startswith("multipart/form-data")


def _make_parser(boundary: bytes, form: FormFile) -> MultipartParser:
    try:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": form.on_part_begin,
                "on_header_field": form.on_header_field,
                "on_header_value": form.on_header_value,
                "on_header_end": form.on_header_end,
                "on_headers_finished": form.on_headers_finished,
                "on_part_data": form.on_part_data,
                "on_part_end": form.on_part_end,
                "on_end": form.on_end,
            },
            max_header_size=_MAX_HEADER_BYTES,
        )
    except FormParserError as error:
        raise InvalidRequest("The form's boundary is too long.", details={"field": "Content-Type"}) from error
