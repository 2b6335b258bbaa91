"""Parse a multipart body in pieces: one streamed file part, and a few short fields.

On this floor because service and trainer share it; it only sees bytes.
"""

import re
from collections.abc import Callable, Mapping

from multipart import (  # type: ignore[import-untyped]  # has types, but does not say so
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

MAX_FIELD_BYTES = 1024
# A form holds each header of a part in memory, and at most eight of them.
_MAX_PARTS = 32
_MAX_HEADER_BYTES = 4096
_MAX_BOUNDARY_CHARS = 200  # RFC 2046 allows 70
_UNENCODED = (None, "7bit", "8bit", "binary")
_LEAD_AND_BACKSLASH = re.compile(rb"[\x81-\xfe]\\")


class FormError(ValueError):
    """The body is not the expected form; `param` names the field, and None means the whole body."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class PartTooLarge(FormError):
    """A part exceeds its limit."""


class Form:
    """A push parser: feed it the body, then call `finish`.

    Passes `file_field`, up to `limit_bytes`, to `sink`, and keeps `fields` as text.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        *,
        file_field: str,
        fields: tuple[str, ...],
        limit_bytes: int,
        sink: Callable[[bytes], object],
    ) -> None:
        self.sent_filename: str | None = None
        self._file = _Part(file_field, limit_bytes, sink)
        self._texts = {name: bytearray() for name in fields}
        texts = [_Part(name, MAX_FIELD_BYTES, text.extend) for name, text in self._texts.items()]
        self._parts = {part.field: part for part in (self._file, *texts)}
        self._current: _Part | None = None
        boundary = _boundary_of(headers)
        self._parser = PushMultipartParser(
            boundary, max_header_size=_MAX_HEADER_BYTES, max_segment_count=_MAX_PARTS, strict=True
        )
        # The start of a part, up to the empty line; bounded, so that searching content for one stays cheap.
        self._heads: re.Pattern[bytes] = re.compile(
            rb"--" + re.escape(boundary) + rb"\r\n(?:[^\r\n]{1,4096}\r\n){1,8}\r\n"
        )

    def feed(self, data: bytes) -> None:
        """Parse the next piece of the body, and ignore what follows the form (RFC 2046).

        Raises `FormError`, and any exception of `sink`.
        """
        if not data:
            return
        try:
            for event in self._parser.parse(data if self._file.has_begun else self._readable(data)):
                self._take(event)
        except MultipartError as bad:
            if self._has_ended():
                return
            raise FormError(f"The body is not well-formed multipart/form-data: {bad.args[0]}.") from bad

    def finish(self) -> dict[str, str]:
        """Return the text fields. Raises `FormError` if the file or the end of the form is missing."""
        if not self._file.complete or not self._has_ended():
            name = self._file.field
            raise FormError(f"The form's field '{name}' is missing or truncated.", name)
        return {
            name: _decoded(name, bytes(text))
            for name, text in self._texts.items()
            if self._parts[name].complete
        }

    def _take(self, event: MultipartSegment | bytes | None) -> None:
        if isinstance(event, MultipartSegment):
            self._current = self._begin(event)
        elif self._current is not None and event is None:
            self._current.complete = True
        elif self._current is not None and event is not None:
            self._current.take(event)

    def _begin(self, segment: MultipartSegment) -> "_Part":
        part = self._parts.get(segment.name)
        if part is None:
            name = segment.name[:64]
            raise FormError(f"The form has an unknown field {name!r}; remove it.", name)
        if part.has_begun:
            raise FormError(f"The form has the field '{part.field}' twice; send it once.", part.field)
        encoding = segment.header("Content-Transfer-Encoding")
        if encoding not in _UNENCODED:
            raise FormError(
                f"The field '{part.field}' has Content-Transfer-Encoding {encoding[:64]!r}; send it plain.",
                part.field,
            )
        part.has_begun = True
        if part is self._file:
            self.sent_filename = segment.filename
        return part

    def _has_ended(self) -> bool:
        try:
            self._parser.close()
        except MultipartError:
            return False
        return True

    def _readable(self, data: bytes) -> bytes:
        """Return `data` with valid UTF-8 in part headers, because the parser accepts nothing else.

        Bytes of a file name that are not UTF-8 become U+FFFD.
        """
        return self._heads.sub(lambda head: _as_utf8(head[0]), data)


class _Part:
    def __init__(self, field: str, limit_bytes: int, sink: Callable[[bytes], object]) -> None:
        self.field = field
        self.complete = self.has_begun = False
        self._left_bytes = self._limit_bytes = limit_bytes
        self._sink = sink

    def take(self, chunk: bytes) -> None:
        self._left_bytes -= len(chunk)
        if self._left_bytes < 0:
            raise PartTooLarge(f"'{self.field}' is larger than {self._limit_bytes} bytes.", self.field)
        self._sink(chunk)


def _boundary_of(headers: Mapping[str, str]) -> bytes:
    sent = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    kind, options = parse_options_header(sent)
    boundary: str = options.get("boundary", "")
    if (
        kind != "multipart/form-data"
        or not 0 < len(boundary) <= _MAX_BOUNDARY_CHARS
        or not boundary.isascii()
    ):
        raise FormError(
            f"Send the body as multipart/form-data with a boundary of 1 to {_MAX_BOUNDARY_CHARS} characters."
        )
    return boundary.encode()


def _decoded(name: str, text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as bad:
        raise FormError(f"The form's field '{name}' is not UTF-8.", name) from bad


def _as_utf8(head: bytes) -> bytes:
    try:
        head.decode()
    except UnicodeDecodeError:
        # GBK and Shift-JIS have characters whose second byte is a backslash, which quotes what follows it.
        return _LEAD_AND_BACKSLASH.sub(b"\xff", head).decode(errors="replace").encode()
    return head
