"""Read request bodies within bounds: as a whole, or as a stream of pieces without long pauses."""

import asyncio
from collections import Counter

from starlette.types import Message, Receive

from service.app.edge.encodings import Unpacker
from service.app.edge.headers import Headers
from service.dataset.jsonline import repeated_field
from service.errors import InvalidRequest, RateLimited, RequestTimeout, TooLarge, UnsupportedEncoding

# The incomplete bodies of one key may use this many times the size limit of one body in memory.
_UNFINISHED_AT_MOST = 16
_SLOWEST_BYTES_PER_S = 1024  # of a file
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MARKS = (b"{", b"[", b":")  # of nearly every JSON value that is more than a number
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def check_length(headers: Headers, limit_bytes: int) -> None:
    """Check the declared length before the body is read. Raises `TooLarge` and `InvalidRequest`."""
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit():
        raise InvalidRequest("The Content-Length header is not a number.", param="content-length")
    if int(declared) > limit_bytes:
        raise too_large(limit_bytes)


def too_large(limit_bytes: int) -> TooLarge:
    """Return the error for a body above the limit."""
    return TooLarge(f"The body is larger than the {limit_bytes} bytes that this route accepts.")


class Bodies:
    """Reads the bodies of one kind of request."""

    def __init__(self, *, limit_bytes: int, timeout_s: float) -> None:
        self.limit_bytes = limit_bytes
        self._timeout_s = timeout_s
        self._limit_of_unfinished = _UNFINISHED_AT_MOST * limit_bytes
        self._unfinished_bytes: Counter[bytes] = Counter()

    async def whole(self, headers: Headers, receive: Receive) -> bytes:
        """Return the complete body, decompressed.

        Raises `TooLarge`, `RequestTimeout`, `RateLimited`, `UnsupportedEncoding` and `InvalidRequest`.
        """
        check_length(headers, self.limit_bytes)
        owner = headers.get(b"authorization", b"")
        try:
            async with asyncio.timeout(self._timeout_s):
                with _Unfinished(self._unfinished_bytes, owner, self._limit_of_unfinished) as unfinished:
                    return await self._read(headers, receive, unfinished)
        except TimeoutError:
            raise RequestTimeout(
                f"The body did not arrive within {self._timeout_s:g} s. Send the request again."
            ) from None

    def lazily_whole(self, headers: Headers, receive: Receive, most_values: int) -> Receive:
        """Return a `receive` whose first message is the complete body, as `as_json` returns it."""
        is_read = False

        async def once() -> Message:
            nonlocal is_read
            if is_read:
                return await receive()
            is_read = True
            body = as_json(await self.whole(headers, receive), most_values)
            return {"type": "http.request", "body": body, "more_body": False}

        return once

    def paced(self, headers: Headers, receive: Receive) -> Receive:
        """Return a `receive` that streams the body, with bounds on its size and on its pauses."""
        check_length(headers, self.limit_bytes)
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise UnsupportedEncoding(
                "File uploads do not support Content-Encoding. Send the request without it; the file itself "
                "may be compressed.",
                accepted=["identity"],
            )
        received_bytes = 0
        began_at = asyncio.get_running_loop().time()

        async def next_piece() -> Message:
            nonlocal received_bytes
            now = asyncio.get_running_loop().time()
            # A body that trickles may take no longer than one at the slowest rate.
            left_s = began_at + self._timeout_s + received_bytes / _SLOWEST_BYTES_PER_S - now
            try:
                async with asyncio.timeout(min(self._timeout_s, left_s)):
                    message = await receive()
            except TimeoutError:
                raise RequestTimeout(
                    f"The body stopped for {self._timeout_s:g} s, or arrived with less than "
                    f"{_SLOWEST_BYTES_PER_S} bytes a second. Send the request again."
                ) from None
            received_bytes += len(message.get("body", b""))
            if received_bytes > self.limit_bytes:
                raise too_large(self.limit_bytes)
            return message

        return next_piece

    async def _read(self, headers: Headers, receive: Receive, unfinished: "_Unfinished") -> bytes:
        encoding = headers.get(b"content-encoding", b"identity").decode("latin-1").strip().lower()
        unpacker = None if encoding == "identity" else Unpacker(encoding, self.limit_bytes)
        parts: list[bytes] = []
        received_bytes, is_complete = 0, False
        while not is_complete:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise InvalidRequest(
                    "The connection closed before the body was complete.", code="body_incomplete"
                )
            data, is_complete = message.get("body", b""), not message.get("more_body", False)
            received_bytes += len(data)
            if received_bytes > self.limit_bytes:
                raise too_large(self.limit_bytes)
            for piece in unpacker.feed(data) if unpacker else (data,):
                parts.append(piece)
                if not is_complete or unpacker:
                    unfinished.add(len(piece))
                    await asyncio.sleep(0)  # decompression must not block other requests
        if unpacker and received_bytes:
            unpacker.finish()
        return b"".join(parts)


class _Unfinished:
    """Counts the bytes of one incomplete body towards the limit of its owner, until the `with` block ends."""

    def __init__(self, sizes: Counter[bytes], owner: bytes, limit_bytes: int) -> None:
        self._sizes = sizes
        self._owner = owner
        self._limit_bytes = limit_bytes
        self._own_bytes = 0

    def __enter__(self) -> "_Unfinished":
        return self

    def __exit__(self, *_: object) -> None:
        if self._own_bytes:
            self._sizes[self._owner] -= self._own_bytes
            if not self._sizes[self._owner]:
                del self._sizes[self._owner]

    def add(self, size_bytes: int) -> None:
        """Count more bytes. Raises `RateLimited`; bodies without a key have no limit on their sum."""
        self._own_bytes += size_bytes
        self._sizes[self._owner] += size_bytes
        if self._owner and self._sizes[self._owner] > self._limit_bytes:
            raise RateLimited(
                "This key is sending too many large requests at once. Send fewer in parallel.",
                retry_after_s=1,
            )


def refuse_repeated_fields(body: bytes) -> None:
    """Raise `InvalidRequest` if a JSON body has a field twice in one object: only one of them would count."""
    flaw = repeated_field(body)
    if flaw is not None and flaw.code == "duplicate_field":
        raise InvalidRequest(f"The body {flaw.message}.", code=flaw.code)


def as_json(body: bytes, most_values: int) -> bytes:
    """Return a JSON body without its byte order mark.

    Raises `InvalidRequest` for UTF-16 and UTF-32, and for a body whose values would take far more memory than
    its bytes: `{},` is three bytes on the wire and over 70 when it is parsed.
    """
    if len(body) > most_values and sum(body.count(mark) for mark in _MARKS) > most_values:
        raise InvalidRequest(
            f"The body has more than {most_values:,} JSON values, the maximum.", code="too_many_values"
        )
    if body.startswith(_BYTE_ORDER_MARK):
        return body[len(_BYTE_ORDER_MARK) :]
    if body.startswith(_UTF_16_MARKS) or b"\x00" in body[:4]:
        raise InvalidRequest("The body must be JSON in UTF-8, not in UTF-16 or UTF-32.", code="invalid_json")
    return body
