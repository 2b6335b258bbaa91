"""The events of a streamed response: its text, then its function calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import msgspec

from trainer.core import Core
from trainer.engines.answers import EngineAnswer
from trainer.ids import new_id
from trainer.inference.ask import pace, read
from trainer.inference.responses.show import (
    Wire,
    call_items,
    finish,
    message_item,
    opened_message,
    text_part,
)


class _Events:
    """Writes events with consecutive numbers."""

    def __init__(self) -> None:
        self._number = 0

    def write(self, kind: str, **fields: object) -> bytes:
        """One server-sent event of a type."""
        body = msgspec.json.encode({"type": kind, "sequence_number": self._number, **fields})
        self._number += 1
        return b"event: " + kind.encode() + b"\ndata: " + body + b"\n\n"


async def stream_response(
    core: Core, shell: Wire, answer: EngineAnswer, *, shows_usage: bool
) -> AsyncIterator[bytes]:
    """The events, numbered, `response.completed` (or `.incomplete`) last."""
    events = _Events()
    output: list[Wire] = []
    yield events.write("response.created", response=shell)
    yield events.write("response.in_progress", response=shell)
    async for event in _text(core, events, answer, output):
        yield event
    for item in call_items(answer.calls):
        await pace(core)
        for event in _call(events, item, len(output)):
            yield event
        output.append(item)
    full = finish(shell, output, answer, shows_usage=shows_usage)
    yield events.write(f"response.{full['status']}", response=full)


async def _text(
    core: Core, events: _Events, answer: EngineAnswer, output: list[Wire]
) -> AsyncIterator[bytes]:
    """The events of the message, which an answer of calls alone does not have."""
    ident = new_id("msg_", 32)
    place = {"item_id": ident, "output_index": 0, "content_index": 0}
    said: list[str] = []
    told = 0
    async for piece in read(core, answer):
        if not said:
            for event in _open(events, ident, place):
                yield event
        said.append(piece)
        news = (answer.logprobs or [])[told:]
        told += len(news)
        yield events.write("response.output_text.delta", **place, delta=piece, logprobs=news)
    if not said and answer.calls:
        return
    if not said:
        for event in _open(events, ident, place):
            yield event
    text, logprobs = "".join(said), answer.logprobs or []
    item = message_item(ident, text, logprobs)
    output.append(item)
    yield events.write("response.output_text.done", **place, text=text, logprobs=logprobs)
    yield events.write("response.content_part.done", **place, part=text_part(text, logprobs))
    yield events.write("response.output_item.done", output_index=0, item=item)


def _open(events: _Events, ident: str, place: Wire) -> Iterator[bytes]:
    yield events.write("response.output_item.added", output_index=0, item=opened_message(ident))
    yield events.write("response.content_part.added", **place, part=text_part("", None))


def _call(events: _Events, item: Wire, index: int) -> Iterator[bytes]:
    place = {"item_id": item["id"], "output_index": index}
    arguments = str(item["arguments"])
    half = (len(arguments) + 1) // 2
    opened = {**item, "status": "in_progress", "arguments": ""}
    yield events.write("response.output_item.added", output_index=index, item=opened)
    for piece in filter(None, (arguments[:half], arguments[half:])):
        yield events.write("response.function_call_arguments.delta", **place, delta=piece)
    yield events.write(
        "response.function_call_arguments.done", **place, name=item["name"], arguments=arguments
    )
    yield events.write("response.output_item.done", output_index=index, item=item)
