"""Training files as Bedrock takes them for Nova: the schema `bedrock-conversation-2024`."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from service.providers.errors import Rejected

_SCHEMA = "bedrock-conversation-2024"
_ROLES = ("user", "assistant")


def convert(chat: Iterable[bytes], converted: BinaryIO) -> None:
    """Write OpenAI's chat examples, which our check has passed, as conversations.

    Raises `Rejected` for what the schema has no room for: tools, weights, images and other roles.
    """
    for number, line in enumerate(chat, 1):
        if line.strip():
            example = _conversation(json.loads(line), number)
            converted.write(json.dumps(example, ensure_ascii=False).encode() + b"\n")


def _conversation(example: Mapping[str, Any], number: int) -> dict[str, Any]:
    if set(example) - {"messages"}:
        raise _refused(number, f"'{sorted(set(example) - {'messages'})[0]}'")
    messages = example["messages"]
    system = [_text(one, number) for one in messages if one.get("role") in ("system", "developer")]
    said = [one for one in messages if one.get("role") not in ("system", "developer")]
    if any(one.get("role") not in _ROLES for one in said):
        raise _refused(number, "messages of tools")
    turns = [{"role": one["role"], "content": [_text(one, number)]} for one in said]
    return {"schemaVersion": _SCHEMA, **({"system": system} if system else {}), "messages": turns}


def _text(message: Mapping[str, Any], number: int) -> dict[str, str]:
    others = set(message) - {"role", "content"}
    if others:
        raise _refused(number, f"'{sorted(others)[0]}' of a message")
    content = message["content"]
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    if any(one.get("type") != "text" or not isinstance(one.get("text"), str) for one in parts):
        raise _refused(number, "contents other than text")
    return {"text": "".join(one["text"] for one in parts)}


def _refused(number: int, what: str) -> Rejected:
    return Rejected(
        f"Example {number} has {what}, which Bedrock does not take for this base. Remove it, or train "
        "elsewhere.",
        code="invalid_file",
    )
