"""Multipart bodies streamed to disk: one file part, a few short fields, in any order."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from starlette.requests import Request

from service.dataset.form import Form, FormError, PartTooLarge
from trainer.errors import bad_request, too_large
from trainer.web.http import blocks_of, check_encoding, check_length

_OVERHEAD_BYTES = 64 * 1024  # headers, boundaries and other fields


class MultipartBody:
    """A parsed body whose file content lies at `path`, removed at exit unless it was moved away."""

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
        check_encoding(request)
        check_length(request, limit_bytes + _OVERHEAD_BYTES)
        try:
            with self.path.open("wb") as output:
                form = Form(
                    request.headers,
                    file_field=file_field,
                    fields=fields,
                    limit_bytes=limit_bytes,
                    sink=output.write,
                )
                async for chunk in blocks_of(request):
                    form.feed(chunk)
            self.fields = form.finish()
        except PartTooLarge as error:
            raise too_large(limit_bytes) from error
        except FormError as error:
            raise bad_request(error.message, error.param) from error
        self.filename = form.sent_filename
