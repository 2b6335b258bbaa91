"""The items of a response's input, as the chat messages that say the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from trainer.errors import bad_request

Message = dict[str, Any]


class InputText(msgspec.Struct, tag_field="type", tag="input_text", forbid_unknown_fields=True):
    """What the user or a tool says."""

    text: str


class OutputText(msgspec.Struct, tag_field="type", tag="output_text", forbid_unknown_fields=True):
    """What the model said in an earlier answer, sent back."""

    text: str
    annotations: list[Any] | None = None
    logprobs: list[Any] | None = None


class OutputRefusal(msgspec.Struct, tag_field="type", tag="refusal", forbid_unknown_fields=True):
    """A refusal in an earlier answer, sent back."""

    refusal: str


class InputImage(msgspec.Struct, tag_field="type", tag="input_image", forbid_unknown_fields=True):
    """An image by its URL."""

    image_url: str
    detail: str | None = None


Parts: TypeAlias = str | list[InputText | OutputText | OutputRefusal | InputImage]


class MessageItem(msgspec.Struct, tag_field="type", tag="message", forbid_unknown_fields=True):
    """A message; `id`, `status` and `phase` come with answers, which clients send back as they are."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Parts
    id: str | None = None
    status: str | None = None
    phase: str | None = None


class CallItem(msgspec.Struct, tag_field="type", tag="function_call", forbid_unknown_fields=True):
    """A function call of an earlier answer."""

    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: str | None = None


class CallOutputItem(
    msgspec.Struct, tag_field="type", tag="function_call_output", forbid_unknown_fields=True
):
    """What a function answered."""

    call_id: str
    output: Parts
    id: str | None = None
    status: str | None = None
    name: str | None = None


class ReasoningItem(msgspec.Struct, tag_field="type", tag="reasoning", forbid_unknown_fields=True):
    """Reasoning of a model that reasons; models here neither write nor read any."""

    id: str | None = None
    summary: list[Any] | None = None
    content: list[Any] | None = None
    encrypted_content: str | None = None
    status: str | None = None


Item: TypeAlias = MessageItem | CallItem | CallOutputItem | ReasoningItem
_KINDS = ("message", "function_call", "function_call_output", "reasoning")


def read_items(given: str | Sequence[dict[str, Any]], instructions: str | None) -> list[Message]:
    """The chat messages of an input; raises a 400 `ApiError` that names the item."""
    messages: list[Message] = [{"role": "developer", "content": instructions}] if instructions else []
    if isinstance(given, str):
        return [*messages, {"role": "user", "content": given}]
    for number, raw in enumerate(given):
        _add(_item(raw, f"input[{number}]"), messages)
    return messages


def _item(raw: dict[str, Any], path: str) -> Item:
    kind = raw.get("type") or "message"
    if kind not in _KINDS:
        message = f"This trainer does not take items of the type {kind!r}; it takes {', '.join(_KINDS)}."
        raise bad_request(message, f"{path}.type", "unsupported_parameter")
    given = {name: value for name, value in raw.items() if value is not None}
    try:
        found: Item = msgspec.convert({**given, "type": kind}, Item)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at `$")
        place = path + where.rstrip("`")
        raise bad_request(f"Invalid '{place}': {text}.", place) from error
    return found


def _add(item: Item, messages: list[Message]) -> None:
    """Append an item; calls belong to the assistant's message right before them."""
    if isinstance(item, MessageItem):
        messages.append({"role": item.role, "content": _content(item.content)})
    elif isinstance(item, CallOutputItem):
        messages.append({"role": "tool", "tool_call_id": item.call_id, "content": _content(item.output)})
    elif isinstance(item, CallItem):
        if not messages or messages[-1]["role"] != "assistant":
            messages.append({"role": "assistant", "content": None})
        function = {"name": item.name, "arguments": item.arguments}
        call = {"id": item.call_id, "type": "function", "function": function}
        messages[-1].setdefault("tool_calls", []).append(call)


def _content(given: Parts) -> str | list[Message]:
    return given if isinstance(given, str) else [_part(part) for part in given]


def _part(part: InputText | OutputText | OutputRefusal | InputImage) -> Message:
    if isinstance(part, InputImage):
        detail = {"detail": part.detail} if part.detail else {}
        return {"type": "image_url", "image_url": {"url": part.image_url, **detail}}
    if isinstance(part, OutputRefusal):
        return {"type": "refusal", "refusal": part.refusal}
    return {"type": "text", "text": part.text}
