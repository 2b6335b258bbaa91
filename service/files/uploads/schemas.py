"""Request and response bodies of uploads."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from service.core.clock import unix
from service.core.http.wire import Text, WireIn, WireOut
from service.dataset.formats.detect import FormatName
from service.files.creating import MAX_EXPIRY_S, MIN_EXPIRY_S
from service.files.form import MAX_FILENAME_CHARS, plain_name
from service.files.schemas import FileOut, file_out
from service.files.tables import File
from service.files.uploads.actions import MAX_BYTES, status_of
from service.files.uploads.tables import Upload, UploadPart, UploadStatus


class ExpiresAfter(WireIn):
    """When the file is deleted, counted from its creation."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=MIN_EXPIRY_S, le=MAX_EXPIRY_S)]


FileName = Annotated[str, Field(min_length=1, max_length=MAX_FILENAME_CHARS), AfterValidator(plain_name)]


class UploadCreate(WireIn):
    """An upload to create; `format` is the file's dataset format, which is otherwise detected."""

    filename: FileName
    purpose: Literal["fine-tune"]
    bytes: Annotated[int, Field(ge=1, le=MAX_BYTES)]
    mime_type: Annotated[Text, Field(min_length=1, max_length=200)]
    expires_after: ExpiresAfter | None = None
    format: FormatName | None = None


class UploadComplete(WireIn):
    """The parts in order, and the hexadecimal MD5 of the whole file."""

    part_ids: Annotated[list[Annotated[Text, Field(max_length=64)]], Field(min_length=1, max_length=10_000)]
    md5: Annotated[str, Field(pattern="^[0-9a-fA-F]{32}$")] | None = None


class UploadOut(WireOut):
    """An upload, in OpenAI's form; `file` is set once it is completed."""

    object: Literal["upload"] = "upload"
    id: str
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: str
    status: UploadStatus
    file: FileOut | None


class PartOut(WireOut):
    """A part of an upload, with the SHA-256 of the received bytes."""

    object: Literal["upload.part"] = "upload.part"
    id: str
    created_at: int
    upload_id: str
    bytes: int
    sha256: str


def upload_out(upload: Upload, file: File | None = None) -> UploadOut:
    """Return the response body of an upload."""
    return UploadOut(
        id=upload.id,
        bytes=upload.size_bytes,
        created_at=unix(upload.created_at),
        expires_at=unix(upload.expires_at),
        filename=upload.filename,
        purpose=upload.purpose,
        status=status_of(upload),
        file=None if file is None else file_out(file),
    )


def part_out(part: UploadPart) -> PartOut:
    """Return the response body of a part."""
    return PartOut(
        id=part.id,
        created_at=unix(part.created_at),
        upload_id=part.upload_id,
        bytes=part.size_bytes,
        sha256=part.sha256,
    )
