"""Server-sent events as bytes: split a stream into events, however the network cut it.

The format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import re

_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINE_END = re.compile(rb"\r\n|\n|\r")

# A provider that never ends an event would otherwise fill the memory.
MAX_EVENT_BYTES = 8 * 2**20


class EventTooLong(Exception):
    """An event is larger than `MAX_EVENT_BYTES`."""


class Splitter:
    """Collects bytes and returns whole events, each with the blank line that ends it."""

    def __init__(self) -> None:
        self._rest = bytearray()  # grows in place: an event of many small pieces is not copied with each

    def feed(self, data: bytes) -> list[bytes]:
        """The events that `data` completes. Raises `EventTooLong`."""
        # The end of one event is three bytes short of a match at most: no need to look at the rest again.
        start_at = max(0, len(self._rest) - 3)
        self._rest += data
        events, begin = [], 0
        for end in [blank.end() for blank in _BLANK_LINE.finditer(self._rest, start_at)]:
            events.append(bytes(self._rest[begin:end]))
            begin = end
        del self._rest[:begin]
        if len(self._rest) > MAX_EVENT_BYTES:
            raise EventTooLong
        return events

    def rest(self) -> bytes:
        """Return what came after the last whole event; only white space if the stream ended well."""
        return bytes(self._rest)


def data_of(event: bytes) -> bytes | None:
    """The event's data, its lines joined by a newline; None when it has none, as a comment."""
    if event.startswith(b"data: {") and event.endswith(b"}\n\n") and event.count(b"\n") == 2:
        return event[6:-2]
    parts = [
        line[5:].removeprefix(b" ") for line in _LINE_END.split(event) if line.partition(b":")[0] == b"data"
    ]
    return b"\n".join(parts) if parts else None


def with_data(event: bytes, data: bytes) -> bytes:
    """The event with other data (of one line) and its other lines as they were."""
    if event.startswith(b"data:") and event.count(b"\n") == 2:
        return b"data: " + data + b"\n\n"
    others = [line + b"\n" for line in _LINE_END.split(event) if line and line.partition(b":")[0] != b"data"]
    return b"".join(others) + b"data: " + data + b"\n\n"
