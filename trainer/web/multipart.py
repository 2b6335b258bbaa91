"""Multipart bodies streamed to disk: one file part, a few short fields, in any order."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from starlette.requests import Request
from streaming_form_data import StreamingFormDataParser  # type: ignore[import-untyped]
from streaming_form_data.parser import ParseFailedException  # type: ignore[import-untyped]
from streaming_form_data.targets import BaseTarget  # type: ignore[import-untyped]

from trainer.errors import ApiError, bad_request, too_large
from trainer.web.http import check_length

_FIELD_LIMIT_BYTES = 4096
_OVERHEAD_BYTES = 64 * 1024  # headers, boundaries and fields beside the file


class _Field(BaseTarget):  # type: ignore[misc]
    """A short text field."""

    def __init__(self) -> None:
        super().__init__()
        self.content = bytearray()
        self.complete = False

    def on_data_received(self, chunk: bytes) -> None:
        self.content += chunk
        if len(self.content) > _FIELD_LIMIT_BYTES:
            raise too_large(_FIELD_LIMIT_BYTES)

    def on_finish(self) -> None:
        self.complete = True


class _FilePart(BaseTarget):  # type: ignore[misc]
    """A part written to disk as it comes."""

    def __init__(self, output: BinaryIO, limit_bytes: int) -> None:
        super().__init__()
        self._output = output
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        self.complete = False

    def on_data_received(self, chunk: bytes) -> None:
        self._size_bytes += len(chunk)
        if self._size_bytes > self._limit_bytes:
            raise too_large(self._limit_bytes)
        self._output.write(chunk)

    def on_finish(self) -> None:
        self.complete = True


class MultipartBody:
    """A parsed body whose file content lies at `path`, removed at exit unless somebody moved it away."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fields: dict[str, str] = {}
        self.filename: str | None = None

    def __enter__(self) -> MultipartBody:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.path.unlink(missing_ok=True)

    async def read(
        self, request: Request, file_field: str, fields: tuple[str, ...], limit_bytes: int
    ) -> None:
        """Stream the body in; raises `ApiError` when it is malformed, cut short, or too large."""
        check_length(request, limit_bytes + _OVERHEAD_BYTES)
        texts = {name: _Field() for name in fields}
        with self.path.open("wb") as output:
            part = _FilePart(output, limit_bytes)
            try:
                parser = StreamingFormDataParser(headers=request.headers)
                parser.register(file_field, part)
                for name, target in texts.items():
                    parser.register(name, target)
                async for chunk in request.stream():
                    parser.data_received(chunk)
            except ApiError:
                raise
            except (ParseFailedException, ValueError, LookupError) as error:
                raise bad_request("The body is no well-formed multipart/form-data.") from error
        if not part.complete:
            raise bad_request(f"The multipart field '{file_field}' is missing or was cut short.", file_field)
        self.filename = part.multipart_filename
        for name, target in texts.items():
            if target.complete:
                try:
                    self.fields[name] = target.content.decode()
                except UnicodeDecodeError as error:
                    raise bad_request(f"The field '{name}' is not UTF-8.", name) from error
