"""Preference (DPO): an `input` with `messages`, a `preferred_output` and a `non_preferred_output`.

Each output is one assistant message of text. Training uses both, one as a positive and one as a negative
example, so both count as trained; the input counts once.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from service.dataset.formats import batch_texts, calls, messages
from service.dataset.formats.base import Format
from service.dataset.formats.batch_texts import BatchTexts
from service.dataset.formats.chat import doubts_of_calls, measure_tools
from service.dataset.formats.messages import Assistant, Message
from service.dataset.formats.tools import ToolBook
from service.dataset.problems import Flaw
from service.dataset.tokens import CHAT_ENCODING, TOKENS_PER_REPLY

_NOTHING = msgspec.Raw(b"")
Output = Annotated[list[Assistant], Meta(min_length=1, max_length=1)]


class PreferenceInput(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The conversation that both outputs answer."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    tools: msgspec.Raw = _NOTHING
    parallel_tool_calls: bool | None = None


class PreferenceExample(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One question with a better and a worse answer."""

    input: PreferenceInput
    preferred_output: Output
    non_preferred_output: Output


def lay_out(example: PreferenceExample, laid: BatchTexts, book: ToolBook) -> list[Flaw]:
    """Add an example to the batch and return its flaws; a flawed one is discarded."""
    flaws: list[Flaw] = []
    framing = TOKENS_PER_REPLY
    asked = example.input
    for number, message in enumerate(asked.messages):
        path = f"input.messages[{number}]"
        more, _, wrong = messages.lay_out_message(message, path, laid, trained=False)
        framing += more
        flaws += wrong
        if messages.images_in(message):
            flaws.append(
                Flaw(
                    f"{path}.content",
                    "image_not_allowed",
                    "contains images; preference training allows only text",
                )
            )
    flaws += calls.tool_flaws(asked.messages, "input.messages")
    for path, kind in (
        ("preferred_output", batch_texts.PREFERRED),
        ("non_preferred_output", batch_texts.NON_PREFERRED),
    ):
        output: Assistant = getattr(example, path)[0]
        more, _, wrong = messages.lay_out_assistant(output, f"{path}[0]", laid, kind)
        framing += more
        flaws += wrong
        if output.tool_calls or output.function_call:
            flaws.append(Flaw(f"{path}[0]", "not_text", "calls a tool; an output must be text only"))
    tool_tokens, wrong = measure_tools(asked, book, "input.")
    flaws += wrong
    if flaws:
        laid.drop()
    else:
        doubts_of_calls(asked, laid, book, "input.")
        laid.end(framing, tool_tokens)
    return flaws


PREFERENCE = Format(
    name="preference",
    method="dpo",
    encoding=CHAT_ENCODING,
    example=PreferenceExample,
    decode=msgspec.json.Decoder(PreferenceExample).decode,
    lay_out=lay_out,
    items={
        ("input", "messages"): Message,
        ("preferred_output",): Assistant,
        ("non_preferred_output",): Assistant,
    },
    least_fields=lambda example: 8 + 2 * len(example.input.messages),
)
