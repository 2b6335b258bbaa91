"""Upload files that are too large for one request, with OpenAI's uploads API: create, add parts, complete.

Only completing the upload creates a file, so a failure before that can be retried without a second copy. The
unfinished upload is cancelled; if that fails too, it expires at OpenAI within an hour.
"""

import hashlib
import io
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

from openai import OpenAI

from service.providers import mapping
from service.providers.answers import Garbage, read_object
from service.providers.errors import ProviderError
from service.providers.failures import translated
from service.providers.scrub import Clean

# OpenAI takes 64 MiB; each part is held in memory while it is sent.
PART_BYTES = 16 * 2**20


def size_of(content: BinaryIO) -> int:
    """The size of a file in bytes. Leaves the file at its start."""
    size_bytes = content.seek(0, io.SEEK_END)
    content.seek(0)
    return size_bytes


def send_in_parts(client: OpenAI, clean: Clean, filename: str, content: BinaryIO) -> str:
    """Upload `content` and return the file's id. Raises `ProviderError`; `OutcomeUnknown` only at the end."""
    uploads = client.uploads.with_raw_response
    parts = client.uploads.parts.with_raw_response
    size_bytes = size_of(content)
    with translated(clean, repeatable=True):
        announced = read_object(
            uploads.create(
                filename=filename, purpose="fine-tune", bytes=size_bytes, mime_type="text/jsonl"
            ).content
        )
        upload_id = mapping.file_id_of(announced)
    md5 = hashlib.md5(usedforsecurity=False)  # required by the API; detects accidental damage only
    part_ids = []
    try:
        with translated(clean, repeatable=True):
            for part in _parts(content):
                md5.update(part)
                sent = parts.create(upload_id, data=("upload", part, "application/octet-stream"))
                part_ids.append(mapping.file_id_of(read_object(sent.content)))
        with translated(clean, repeatable=False):
            done = uploads.complete(upload_id, part_ids=part_ids, md5=md5.hexdigest())
            return mapping.file_id_of(_file_in(read_object(done.content)))
    except ProviderError:
        with suppress(ProviderError), translated(clean, repeatable=True):
            uploads.cancel(upload_id)
        raise


def _parts(content: BinaryIO) -> Iterator[bytes]:
    while part := content.read(PART_BYTES):
        yield part


def _file_in(upload: dict[str, Any]) -> dict[str, Any]:
    file = upload.get("file")
    if not isinstance(file, dict):
        raise Garbage("The provider completed an upload without naming its file.")
    return file
