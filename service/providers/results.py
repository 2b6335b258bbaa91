"""Result files: OpenAI sends the CSV in base64, Azure and others as it is."""

import base64
import binascii
from collections.abc import Iterable

from service.providers.bounds import Bound

MAX_RESULT_BYTES = 4 * 2**20  # 75,000 training steps; a worker holds it whole while it is stored
_MAX_WIRE_BYTES = MAX_RESULT_BYTES * 4 // 3 + 2**20  # in base64, with its line breaks
RESULT = Bound(2 * _MAX_WIRE_BYTES, 0)  # `read_bounded` stops sooner and says why
_WHITE_SPACE = b" \t\r\n\f\v"
_HEAD_BYTES = 4096  # where a CSV has a comma: in the names of its columns


class ResultTooLarge(Exception):
    """The file is larger than what we keep of a job's results."""


def read_bounded(chunks: Iterable[bytes]) -> bytearray:
    """The chunks as one, never holding more than the limit. Raises `ResultTooLarge`."""
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > _MAX_WIRE_BYTES:
            raise ResultTooLarge
    return content


def decode_result(content: bytes | bytearray) -> bytes:
    """Plain CSV from either form, without a byte order mark. Raises `ResultTooLarge`.

    A CSV has commas, which base64 does not know, so neither can be taken for the other.
    """
    plain = bytes(content) if b"," in content[:_HEAD_BYTES] else _from_base64(content)
    if len(plain) > MAX_RESULT_BYTES:
        raise ResultTooLarge
    return plain.removeprefix(b"\xef\xbb\xbf")


def _from_base64(content: bytes | bytearray) -> bytes:
    try:
        return base64.b64decode(content.translate(None, _WHITE_SPACE), validate=True)
    except binascii.Error:
        return bytes(content)
