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
    """When to delete the file."""

    anchor: Literal["created_at"]
    """What the seconds count from: the file's creation."""
    seconds: Annotated[int, Field(ge=MIN_EXPIRY_S, le=MAX_EXPIRY_S)]
    """Seconds until the deletion, from one hour to 30 days."""


FileName = Annotated[str, Field(min_length=1, max_length=MAX_FILENAME_CHARS), AfterValidator(plain_name)]


class UploadCreate(WireIn):
    """An upload to create."""

    filename: FileName
    """The file's name, up to 255 characters."""
    purpose: Literal["fine-tune"]
    """What the file is for: `fine-tune`."""
    bytes: Annotated[int, Field(ge=1, le=MAX_BYTES)]
    """The size of the whole file in bytes."""
    mime_type: Annotated[Text, Field(min_length=1, max_length=200)]
    """The file's media type, as OpenAI's API requires it. It is not used."""
    expires_after: ExpiresAfter | None = None
    """When to delete the file; null for never."""
    format: FormatName | None = None
    """The file's dataset format; null detects it."""


class UploadComplete(WireIn):
    """The parts that make up the file."""

    part_ids: Annotated[list[Annotated[Text, Field(max_length=64)]], Field(min_length=1, max_length=10_000)]
    """The ids of the parts, in the order of the file."""
    md5: Annotated[str, Field(pattern="^[0-9a-fA-F]{32}$")] | None = None
    """The MD5 of the whole file in hexadecimal, to check; null for no check."""


class UploadOut(WireOut):
    """An upload, in OpenAI's form."""

    object: Literal["upload"] = "upload"
    id: str
    bytes: int
    """The announced size of the file in bytes."""
    created_at: int
    expires_at: int
    """When the upload ends if it is not completed, in unix seconds."""
    filename: str
    """The file's name."""
    purpose: str
    """What the file is for: `fine-tune`."""
    status: UploadStatus
    """`pending` until it is completed, cancelled, or expired."""
    file: FileOut | None
    """The file; null until the upload is completed."""


class PartOut(WireOut):
    """A part of an upload."""

    object: Literal["upload.part"] = "upload.part"
    id: str
    created_at: int
    upload_id: str
    """The id of the upload."""
    bytes: int
    """The size of the part in bytes."""
    sha256: str
    """The SHA-256 of the received bytes, in hexadecimal."""


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
