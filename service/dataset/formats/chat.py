"""Supervised chat: `{"messages": […], "tools"?, "parallel_tool_calls"?, "functions"?}`.

Trained tokens are those of assistant messages whose `weight` is not 0: their text, their tool calls and
arguments, without the marks around them.
"""

from collections import ChainMap
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from service.dataset.formats import calls, images, messages
from service.dataset.formats.arguments import ArgumentsSchema
from service.dataset.formats.base import Format
from service.dataset.formats.batch_texts import ASSISTANT_TRAINED, BatchTexts
from service.dataset.formats.messages import PER_MESSAGE, Assistant, Message, Tool
from service.dataset.formats.tools import NOT_DECLARED, ToolBook
from service.dataset.problems import Flaw
from service.dataset.tokens import CHAT_ENCODING, TOKENS_PER_REPLY

_NOTHING = msgspec.Raw(b"")


class ChatExample(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One conversation. Tools stay raw bytes: most lines repeat them, so each is decoded once."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    tools: msgspec.Raw = _NOTHING
    parallel_tool_calls: bool | None = None
    functions: msgspec.Raw = _NOTHING


def lay_out(example: ChatExample, laid: BatchTexts, book: ToolBook) -> list[Flaw]:
    """Add a conversation to the batch and return its flaws; a flawed one is discarded."""
    flaws: list[Flaw] = []
    framing = TOKENS_PER_REPLY
    image_tokens = image_count = 0
    has_assistant = has_tools = False
    texts, kinds = laid.texts, laid.kinds
    # The hot loop: plain messages, which are nearly all, are added here without a function call.
    for number, message in enumerate(example.messages):
        content = message.content
        if message.__class__ is Assistant:
            has_assistant = True
            if content and content.__class__ is str and _is_plain(message):
                texts.append(content)
                kinds.append(ASSISTANT_TRAINED)
                framing += PER_MESSAGE
                continue
            has_tools = has_tools or message.tool_calls is not None
        elif content.__class__ is str and message.name is None:
            texts.append(content)
            kinds.append(message.KIND)
            framing += PER_MESSAGE
            has_tools = has_tools or message.__class__ is Tool
            continue
        else:
            has_tools = has_tools or message.__class__ is Tool
        more, seen, wrong = messages.lay_out_message(message, f"messages[{number}]", laid)
        framing += more
        image_tokens += seen
        image_count += messages.images_in(message)
        flaws += wrong
    if not has_assistant:
        flaws.append(
            Flaw("messages", "missing_assistant", "has no assistant message; add one for the model to learn")
        )
    if has_tools:
        flaws += calls.tool_flaws(example.messages, "messages")
    if image_count > images.MAX_PER_EXAMPLE:
        flaws.append(images.too_many(image_count, "messages"))
    tool_tokens = 0
    if example.tools is not _NOTHING or example.functions is not _NOTHING:
        tool_tokens, wrong = measure_tools(example, book)
        flaws += wrong
    if flaws:
        laid.drop()
        return flaws
    if has_tools or example.functions is not _NOTHING:
        doubts_of_calls(example, laid, book)
    laid.end(framing, tool_tokens, image_tokens)
    return flaws


def _is_plain(message: Any) -> bool:
    return (
        message.tool_calls is None
        and message.weight is None
        and message.name is None
        and message.function_call is None
        and message.refusal is None
    )


def measure_tools(example: Any, book: ToolBook, path: str = "") -> tuple[int, list[Flaw]]:
    """Return the tokens of an example's tool definitions, and their flaw."""
    total, flaws = 0, []
    for field, legacy in (("tools", False), ("functions", True)):
        raw = bytes(getattr(example, field, b""))
        found = book.look_up(raw, legacy=legacy) if raw else NOT_DECLARED
        if found.flaw is not None:
            inner = found.flaw.path
            where = f"{path}{field}{'' if inner.startswith('[') or not inner else '.'}{inner}"
            flaws.append(Flaw(where, found.flaw.code, found.flaw.message))
        total += found.tokens
    return total, flaws


def doubts_of_calls(example: Any, laid: BatchTexts, book: ToolBook, path: str = "") -> None:
    """Record warnings for calls to undeclared functions and for arguments that do not fit."""
    declared = ChainMap[str, ArgumentsSchema](
        *(
            dict(book.look_up(bytes(raw), legacy=legacy).functions)
            for field, legacy in (("tools", False), ("functions", True))
            if (raw := getattr(example, field, b"")) and bytes(raw) != b"null"
        )
    )
    for flaw in calls.doubtful_calls(example.messages, f"{path}messages", declared):
        laid.doubt(flaw)


CHAT = Format(
    name="chat",
    method="supervised",
    encoding=CHAT_ENCODING,
    example=ChatExample,
    decode=msgspec.json.Decoder(ChatExample).decode,
    lay_out=lay_out,
    items={("messages",): Message},
    least_fields=lambda example: 1 + 2 * len(example.messages),
)
