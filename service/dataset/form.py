"""Parse a multipart body in pieces: one streamed file part, and a few short fields.

On this floor because service and trainer share it; it only sees bytes.
"""

import re
from collections.abc import Callable, Mapping

from streaming_form_data import StreamingFormDataParser  # type: ignore[import-untyped]  # ships no types
from streaming_form_data.parser import (  # type: ignore[import-untyped]  # as above
    ParseFailedException,
    UnexpectedPartException,
    parse_content_boundary,
)
from streaming_form_data.targets import BaseTarget  # type: ignore[import-untyped]  # as above

MAX_FIELD_BYTES = 1024
_LEAD_AND_BACKSLASH = re.compile(rb"[\x81-\xfe]\\")
# For boundaries and part headers, of which the parser would hold any amount in memory.
_MAX_OVERHEAD_BYTES = 64 * 1024


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
            raise FormError(f"Send the body as multipart/form-data: {bad}.") from bad
        # The start of a part, up to the empty line; bounded, so that searching content for one stays cheap.
        self._heads: re.Pattern[bytes] = re.compile(
            rb"--" + re.escape(boundary) + rb"\r\n(?:[^\r\n]{1,4096}\r\n){1,8}\r\n"
        )
        for part in self._parts:
            self._parser.register(part.field, part)

    def feed(self, data: bytes) -> None:
        """Parse the next piece of the body. Raises `FormError`, and any exception of `sink`."""
        self._fed_bytes += len(data)
        try:
            self._parser.data_received(data if self._file.has_begun else self._readable(data))
        except FormError:
            raise
        except UnexpectedPartException as bad:
            name = bad.part_name[:64]
            raise FormError(f"The form has an unknown field {name!r}; remove it.", name) from bad
        except (ParseFailedException, ValueError, LookupError, AttributeError) as bad:
            # Part headers go to the standard library's e-mail parser, which raises all of these.
            raise FormError("The body is not well-formed multipart/form-data.") from bad
        if self._fed_bytes - sum(part.size_bytes for part in self._parts) > _MAX_OVERHEAD_BYTES + len(data):
            raise FormError("The form has more headers than content.")

    def _readable(self, data: bytes) -> bytes:
        """Return `data` with valid UTF-8 in part headers, because the parser accepts nothing else.

        Bytes of a file name that are not UTF-8 become U+FFFD.
        """
        return self._heads.sub(lambda head: _as_utf8(head[0]), data)

    def finish(self) -> dict[str, str]:
        """Return the text fields. Raises `FormError` if the file is missing or truncated."""
        if not self._file.complete:
            name = self._file_field
            raise FormError(f"The form's field '{name}' is missing or truncated.", name)
        texts = {part.field: self._texts[part.field] for part in self._parts[1:] if part.complete}
        return {name: _decoded(name, bytes(text)) for name, text in texts.items()}

    @property
    def sent_filename(self) -> str | None:
        """Return the file part's name as sent by the client."""
        name: str | None = self._file.multipart_filename
        return name


class _Part(BaseTarget):  # type: ignore[misc]  # its base is untyped
    def __init__(self, field: str, limit_bytes: int, sink: Callable[[bytes], object]) -> None:
        super().__init__()
        self.field = field
        self.size_bytes = 0
        self.complete = self.has_begun = False
        self._limit_bytes = limit_bytes
        self._sink = sink

    def on_start(self) -> None:
        if self.complete:
            raise FormError(f"The form has the field '{self.field}' twice; send it once.", self.field)
        self.has_begun = True

    def on_data_received(self, chunk: bytes) -> None:
        self.size_bytes += len(chunk)
        if self.size_bytes > self._limit_bytes:
            raise PartTooLarge(f"'{self.field}' is larger than {self._limit_bytes} bytes.", self.field)
        self._sink(chunk)

    def on_finish(self) -> None:
        self.complete = True


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
