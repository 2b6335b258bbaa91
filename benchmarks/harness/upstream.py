"""A provider that costs almost nothing: one process, fixed answers, 15-30 µs of CPU a request.

`python -m benchmarks.harness.upstream PORT CHUNKS INTERVAL_S`. It reads no JSON: where the body has
`"stream":true`, it sends that many events with that pause between them (0: as fast as it can).
`GET /count` returns the number of requests for model output.
"""

import asyncio
import json
import sys
from typing import cast

import uvloop

_ANSWER = {
    "id": "chatcmpl-upstream",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "sandbox-mini",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello there, how can I help you today?"},
            "finish_reason": "stop",
        }
    ],
}
_USAGE = {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21}


def _whole() -> bytes:
    body = json.dumps(_ANSWER | {"usage": _USAGE}).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    return head + body


def _event(choices: object, usage: object = None) -> bytes:
    fields = _ANSWER | {"object": "chat.completion.chunk", "choices": choices, "usage": usage}
    data = b"data: " + json.dumps(fields).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


_WHOLE = _whole()
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_MIDDLE = _event([{"index": 0, "delta": {"content": " word"}, "finish_reason": None}])
_LAST = _event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
_END = _LAST + _event([], _USAGE) + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


class Provider:
    """The counter, and the streaming parameters."""

    def __init__(self, chunks: int, interval_s: float) -> None:
        self.chunks = chunks
        self.interval_s = interval_s
        self.requests = 0


class Connection(asyncio.Protocol):
    """One connection; a client sends the next request after the answer to the last."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._received = b""
        self._transport: asyncio.Transport
        self._may_write = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass
        self._may_write.set()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        if head.startswith(b"GET"):
            self._received = rest
            count = b"%d" % self._provider.requests
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(count), count))
            return
        _, _, length = head.lower().partition(b"content-length:")
        size = int(length.partition(b"\r\n")[0])
        if len(rest) < size:
            return
        self._received = rest[size:]
        self._provider.requests += 1
        if b'"stream":true' in rest:
            self._streaming = asyncio.create_task(self._stream())
        else:
            self._transport.write(_WHOLE)

    async def _stream(self) -> None:
        self._transport.write(_HEAD)
        for _ in range(self._provider.chunks - 1):
            await self._may_write.wait()
            self._transport.write(_MIDDLE)
            await asyncio.sleep(self._provider.interval_s)
        self._transport.write(_END)


async def _serve(port: int, provider: Provider) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Connection(provider), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), Provider(int(sys.argv[2]), float(sys.argv[3]))))
