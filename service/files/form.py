"""A multipart body fed in pieces: one file part that flows through, and a few short fields."""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from streaming_form_data import StreamingFormDataParser  # type: ignore[import-untyped]  # ships no types
from streaming_form_data.parser import (  # type: ignore[import-untyped]
    ParseFailedException,
    UnexpectedPartException,
    parse_content_boundary,
)
from streaming_form_data.targets import BaseTarget  # type: ignore[import-untyped]

from service.errors import InvalidRequest, TooLarge, TunehouseError

MAX_FIELD_BYTES = 1024
_LEAD_AND_BACKSLASH = re.compile(rb"[\x81-\xfe]\\")
MAX_FILENAME_CHARS = 255
# Boundaries and part headers; the parser would hold any amount of them in memory.
_MAX_OVERHEAD_BYTES = 64 * 1024


def plain_name(sent: str) -> str:
    """A file's name without its folders. Raises `ValueError` for one that cannot be kept."""
    name = PurePosixPath(PureWindowsPath(sent).name).name
    if not name or len(name) > MAX_FILENAME_CHARS or not name.isprintable():
        raise ValueError(f"needs a printable name of at most {MAX_FILENAME_CHARS} characters")
    return name


def described(required: list[str], properties: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What OpenAPI says of a route that reads such a form by itself; a property each field."""
    schema = {"type": "object", "required": required, "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


class Form:
    """Feed it the body; `finish` tells whether all that was wanted came.

    `file_field` flows to `sink` and may have `limit_bytes`; `fields` are kept as text.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        *,
        file_field: str,
        fields: tuple[str, ...],
        limit_bytes: int,
        sink: Callable[[bytes], None],
    ) -> None:
        self._file_field = file_field
        self._file = _Part(file_field, limit_bytes, sink)
        self._texts = {name: bytearray() for name in fields}
        self._parts = [self._file]
        self._parts += [_Part(name, MAX_FIELD_BYTES, text.extend) for name, text in self._texts.items()]
        self._fed_bytes = 0
        try:
            self._parser = StreamingFormDataParser(headers=headers, strict=True)
            boundary = parse_content_boundary(headers)
        except (ParseFailedException, ValueError) as bad:
            raise InvalidRequest(
                f"Send the body as multipart/form-data: {bad}.", code="invalid_form"
            ) from bad
        # The start of a part, up to the empty line. Bounded, so that no content is taken for one at any cost.
        self._heads: re.Pattern[bytes] = re.compile(
            rb"--" + re.escape(boundary) + rb"\r\n(?:[^\r\n]{1,4096}\r\n){1,8}\r\n"
        )
        for part in self._parts:
            self._parser.register(part.field, part)

    def feed(self, data: bytes) -> None:
        """Take the next piece of the body. Raises `InvalidRequest` and `TooLarge`."""
        self._fed_bytes += len(data)
        try:
            self._parser.data_received(data if self._file.has_begun else self._readable(data))
        except TunehouseError:
            raise
        except UnexpectedPartException as bad:
            name = bad.part_name[:64]
            raise InvalidRequest(f"The form has an unknown field {name!r}.", param=name) from bad
        except (ParseFailedException, ValueError, LookupError, AttributeError) as bad:
            # Part headers go to the standard library's e-mail parser, which raises all of these.
            raise InvalidRequest(
                "The body is not well-formed multipart/form-data.", code="invalid_form"
            ) from bad
        if self._fed_bytes - sum(part.size_bytes for part in self._parts) > _MAX_OVERHEAD_BYTES + len(data):
            raise InvalidRequest("The form has more headers than content.", code="invalid_form")

    def _readable(self, data: bytes) -> bytes:
        """`data` with part headers in UTF-8: the parser knows no other encoding, and forms name none.

        A file name keeps its ASCII characters; a byte that is not UTF-8 becomes U+FFFD.
        """
        return self._heads.sub(lambda head: _as_utf8(head[0]), data)

    def finish(self) -> dict[str, str]:
        """The text fields that came. Raises `InvalidRequest` when the file is missing or was cut short."""
        if not self._file.complete:
            raise InvalidRequest(
                f"The form's field '{self._file_field}' is missing or was cut short.", param=self._file_field
            )
        texts = {part.field: self._texts[part.field] for part in self._parts[1:] if part.complete}
        return {name: _decoded(name, bytes(text)) for name, text in texts.items()}

    @property
    def filename(self) -> str:
        """The file part's name without its folders. Raises `InvalidRequest` for one that cannot be kept."""
        try:
            return plain_name(self._file.multipart_filename or self._file_field)
        except ValueError as bad:
            raise InvalidRequest(f"The file {bad}.", param=self._file_field) from bad


class _Part(BaseTarget):  # type: ignore[misc]
    def __init__(self, field: str, limit_bytes: int, sink: Callable[[bytes], None]) -> None:
        super().__init__()
        self.field = field
        self.size_bytes = 0
        self.complete = self.has_begun = False
        self._limit_bytes = limit_bytes
        self._sink = sink

    def on_start(self) -> None:
        if self.complete:
            raise InvalidRequest(f"The form has its field '{self.field}' twice.", param=self.field)
        self.has_begun = True

    def on_data_received(self, chunk: bytes) -> None:
        self.size_bytes += len(chunk)
        if self.size_bytes > self._limit_bytes:
            raise TooLarge(f"'{self.field}' is larger than {self._limit_bytes} bytes.", param=self.field)
        self._sink(chunk)

    def on_finish(self) -> None:
        self.complete = True


def _decoded(name: str, text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as bad:
        raise InvalidRequest(f"The form's field '{name}' is not UTF-8.", param=name) from bad


def _as_utf8(head: bytes) -> bytes:
    try:
        head.decode()
    except UnicodeDecodeError:
        # GBK and Shift-JIS have characters whose second byte is a backslash, which quotes what follows it.
        return _LEAD_AND_BACKSLASH.sub(b"\xff", head).decode(errors="replace").encode()
    return head
