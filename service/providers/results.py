"""Result files: OpenAI sends the CSV in base64, Azure and others as it is."""

import base64
import binascii
from collections.abc import Iterable

MAX_RESULT_BYTES = 64 * 2**20
_MAX_WIRE_BYTES = MAX_RESULT_BYTES * 4 // 3 + 2**20  # base64, with its line breaks


class ResultTooLarge(Exception):
    """The file is beyond what we keep of a job's results."""


def read_bounded(chunks: Iterable[bytes]) -> bytes:
    """The chunks as one, never holding more than the limit. Raises `ResultTooLarge`."""
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > _MAX_WIRE_BYTES:
            raise ResultTooLarge
    return bytes(content)


def decode_result(content: bytes) -> bytes:
    """Plain CSV from either form, without a byte order mark. Raises `ResultTooLarge`.

    A CSV has commas, which base64 does not know, so neither can be taken for the other.
    """
    try:
        plain = base64.b64decode(b"".join(content.split()), validate=True)
    except binascii.Error:
        plain = content
    if len(plain) > MAX_RESULT_BYTES:
        raise ResultTooLarge
    return plain.removeprefix(b"\xef\xbb\xbf")
