"""What identifies the attempts of one request: its `Idempotency-Key`, or else its content.

The openai SDK sends a request again when it times out, without a key, but with the number of the attempt in
`x-stainless-retry-count`.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property

from service.errors import InvalidRequest

_KEY = b"idempotency-key"
_RETRIES = b"x-stainless-retry-count"
_MAX_KEY_LENGTH = 255


class Mark:
    """The mark of one request. `is_named` says that the caller sent an `Idempotency-Key`.

    Digests are computed when they are needed, because few requests need them and bodies are long.
    Raises `InvalidRequest` for an empty or long key.
    """

    def __init__(self, headers: Mapping[bytes, bytes], path: str, body: bytes) -> None:
        self._name = headers.get(_KEY)
        if self._name is not None and not 0 < len(self._name) <= _MAX_KEY_LENGTH:
            raise InvalidRequest(
                f"The Idempotency-Key header must have 1 to {_MAX_KEY_LENGTH} characters.",
                param=_KEY.decode(),
            )
        self.is_named = self._name is not None
        retries = headers.get(_RETRIES, b"0")
        self._is_retry = retries.isdigit() and int(retries[:3]) > 0
        self._path = path
        self._body = body

    def may_be_resend(self, *, stream: bool) -> bool:
        """Whether an earlier attempt may exist. A stream without a key always runs: its caller cut it."""
        return self.is_named or (self._is_retry and not stream)

    @cached_property
    def fingerprint(self) -> bytes:
        """32 bytes that differ between requests with different content."""
        return hashlib.sha256(self._path.encode() + b"\n" + self._body).digest()

    @cached_property
    def digest(self) -> bytes:
        """32 bytes that attempts of the same request share."""
        return self.fingerprint if self._name is None else hashlib.sha256(b"key\n" + self._name).digest()
