"""Reinforcement: `messages`, optional `tools`; every other field is a reference for the grader.

The model does not learn these texts themselves, so no token counts as trained; the hour is billed.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from service.dataset.formats import calls, messages
from service.dataset.formats.base import Format
from service.dataset.formats.batch_texts import BatchTexts
from service.dataset.formats.chat import doubts_of_calls, measure_tools
from service.dataset.formats.messages import Assistant, Message
from service.dataset.formats.tools import ToolBook
from service.dataset.problems import Flaw
from service.dataset.tokens import CHAT_ENCODING, TOKENS_PER_REPLY

MAX_EXAMPLES = 50_000
RESERVED = frozenset({"messages", "tools", "parallel_tool_calls"})
_NOTHING = msgspec.Raw(b"")


class ReinforcementExample(msgspec.Struct, gc=False):
    """A prompt; other fields are for the grader and may have any value."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    tools: msgspec.Raw = _NOTHING
    parallel_tool_calls: bool | None = None


_DECODER = msgspec.json.Decoder(ReinforcementExample)


def decode(line: bytes) -> ReinforcementExample:
    """Decode an example. Raises `MsgspecError` and `UnicodeDecodeError`."""
    # The typed decoder skips other fields without checking that their text is valid.
    msgspec.json.decode(line)
    return _DECODER.decode(line)


def lay_out(example: ReinforcementExample, laid: BatchTexts, book: ToolBook) -> list[Flaw]:
    """Add a prompt to the batch and return its flaws; a flawed one is discarded."""
    flaws: list[Flaw] = []
    framing = TOKENS_PER_REPLY
    for number, message in enumerate(example.messages):
        path = f"messages[{number}]"
        more, _, wrong = messages.lay_out_message(message, path, laid, trained=False)
        framing += more
        flaws += wrong
        if messages.images_in(message):
            flaws.append(
                Flaw(
                    f"{path}.content",
                    "image_not_allowed",
                    "contains images; reinforcement training allows only text",
                )
            )
    if isinstance(example.messages[-1], Assistant):
        last = f"messages[{len(example.messages) - 1}]"
        flaws.append(
            Flaw(
                last,
                "ends_with_assistant",
                "is an answer; end with the prompt, because the model writes the answer",
            )
        )
    flaws += calls.tool_flaws(example.messages, "messages")
    tool_tokens, wrong = measure_tools(example, book)
    flaws += wrong
    if flaws:
        laid.drop()
    else:
        doubts_of_calls(example, laid, book)
        laid.end(framing, tool_tokens)
    return flaws


REINFORCEMENT = Format(
    name="reinforcement",
    method="reinforcement",
    encoding=CHAT_ENCODING,
    example=ReinforcementExample,
    decode=decode,
    lay_out=lay_out,
    items={("messages",): Message},
    least_fields=lambda example: 1 + 2 * len(example.messages),
    trains_tokens=False,
    max_examples=MAX_EXAMPLES,
)
