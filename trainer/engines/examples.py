"""Reads training lines in the four fine-tuning formats; errors have OpenAI's messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from service.dataset import countable
from service.dataset.limits import MAX_EXAMPLE_TOKENS
from service.dataset.tokens import CHAT_ENCODING, COMPLETION_ENCODING
from trainer.engines.answers import CalledFunction

ROLES = {"system", "user", "assistant", "tool", "function", "developer"}
METHOD_OF_FORMAT = {
    "fine-tune-chat": "supervised",
    "fine-tune-completion": "supervised",
    "fine-tune-preference": "dpo",
}
_BOM = b"\xef\xbb\xbf"


class InvalidExampleError(Exception):
    """A line that cannot be trained on; the text starts with its number."""


class Turn(msgspec.Struct, omit_defaults=True):
    """One answer that an example trains: what the user had said last, and what the assistant says.

    `after_calls` counts the assistant's tool calls since then, so that the answer to a tool's result differs
    from the call itself.
    """

    prompt: str
    completion: str
    calls: list[CalledFunction] = []
    after_calls: int = 0


class Example(msgspec.Struct):
    """One line of any format: the answers that it trains, and its length in tokens."""

    turns: list[Turn]
    tokens: int = 0


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Every non-empty line as an object; raises `InvalidExampleError`, FileNotFoundError."""
    decoder = msgspec.json.Decoder(dict[str, Any])
    number = 0
    with path.open("rb") as file:
        if file.read(len(_BOM)) != _BOM:
            file.seek(0)
        for line in file:
            if not line.strip():
                continue
            number += 1
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise InvalidExampleError(f"Example {number} is not a JSON dictionary") from error


def detect_format(first: Mapping[str, Any]) -> str:
    """The format's name in OpenAI's messages, determined from the keys of the first line."""
    if "preferred_output" in first or "non_preferred_output" in first:
        return "fine-tune-preference"
    if "prompt" in first and "messages" not in first:
        return "fine-tune-completion"
    return "fine-tune-chat"


def read_example(number: int, row: Mapping[str, Any], kind: str, method: str) -> Example:
    """Check one line and count its tokens; raises `InvalidExampleError`."""
    if kind == "fine-tune-preference":
        return _preference(number, row)
    if kind == "fine-tune-completion":
        return _completion(number, row)
    return _reward(number, row) if method == "reinforcement" else _chat(number, row)


def text_of(content: object) -> str:
    """The text of a message's content, which may be a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict)]
        return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)
    return ""


def last_user_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """The last user message, by which the sandbox looks up its answer."""
    return text_of(last_user_message(messages)[1].get("content"))


def last_user_message(messages: Sequence[Mapping[str, Any]]) -> tuple[int, Mapping[str, Any]]:
    """The last message of the user, with its number from 1; an empty one if there is none."""
    found = [(number, m) for number, m in enumerate(messages, 1) if m.get("role") == "user"]
    return found[-1] if found else (0, {})


def since_last_user(messages: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The messages after the last one of the user."""
    ends = (at for at in range(len(messages), 0, -1) if messages[at - 1].get("role") == "user")
    return messages[next(ends, 0) :]


def calls_of(message: Mapping[str, Any]) -> list[CalledFunction]:
    """The function calls of an assistant message, in the current or the deprecated form."""
    called = [call.get("function") for call in message.get("tool_calls") or () if isinstance(call, dict)]
    return [
        CalledFunction(str(call.get("name", "")), str(call.get("arguments", "")))
        for call in (*called, message.get("function_call"))
        if isinstance(call, dict)
    ]


def count_call_turns(messages: Sequence[Mapping[str, Any]]) -> int:
    """How many assistant messages called functions since the user's last message."""
    return sum(bool(calls_of(message)) for message in since_last_user(messages))


def _check_messages(number: int, value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise InvalidExampleError(f"Example {number} 'messages' is missing or not a non-empty list")
    for index, message in enumerate(value, 1):
        where = f"Example {number}, message {index}"
        if not isinstance(message, dict):
            raise InvalidExampleError(f"{where} is not a dictionary")
        if "role" not in message:
            raise InvalidExampleError(f"{where} Discriminator 'role' is missing in value")
        if not isinstance(message["role"], str) or message["role"] not in ROLES:
            raise InvalidExampleError(f"{where} Input tag '{message['role']}' found using 'role' is unknown")
        says_something = any(message.get(key) for key in ("tool_calls", "function_call", "refusal"))
        if not isinstance(message.get("content"), str | list) and not says_something:
            raise InvalidExampleError(f"{where} Field required: 'content'")
        if message.get("weight") not in (None, 0, 1):
            raise InvalidExampleError(f"{where} 'weight' must be 0 or 1")
    return value


def _chat(number: int, row: Mapping[str, Any]) -> Example:
    messages = _check_messages(number, row.get("messages"))
    if not any(message["role"] == "assistant" for message in messages):
        raise InvalidExampleError(f"Example {number} has no message of role 'assistant'")
    trained = [i for i, m in enumerate(messages) if m["role"] == "assistant" and m.get("weight") != 0]
    return Example([_turn(messages, at) for at in trained or [len(messages) - 1]], _tokens(row))


def _turn(messages: list[dict[str, Any]], at: int) -> Turn:
    asked, said = messages[:at], messages[at]
    text = text_of(said.get("content")) or str(said.get("refusal") or "")
    return Turn(last_user_text(asked), text, calls_of(said), count_call_turns(asked))


def _completion(number: int, row: Mapping[str, Any]) -> Example:
    prompt, completion = row.get("prompt"), row.get("completion")
    if not isinstance(prompt, str) or not isinstance(completion, str):
        raise InvalidExampleError(f"Example {number} needs the strings 'prompt' and 'completion'")
    return Example([Turn(prompt, completion)], _tokens(row, COMPLETION_ENCODING))


def _preference(number: int, row: Mapping[str, Any]) -> Example:
    asked = row.get("input")
    messages = _check_messages(number, asked.get("messages") if isinstance(asked, dict) else None)
    preferred = _one_answer(number, row, "preferred_output")
    _one_answer(number, row, "non_preferred_output")
    return Example([_turn([*messages, preferred], len(messages))], _tokens(row))


def _one_answer(number: int, row: Mapping[str, Any], key: str) -> dict[str, Any]:
    messages = _check_messages(number, row.get(key))
    if [message["role"] for message in messages] != ["assistant"]:
        raise InvalidExampleError(f"Example {number} '{key}' must be exactly one assistant message")
    return messages[0]


def _reward(number: int, row: Mapping[str, Any]) -> Example:
    messages = _check_messages(number, row.get("messages"))
    wanted = next((v for k, v in row.items() if k not in ("messages", "tools")), "")
    completion = wanted if isinstance(wanted, str) else msgspec.json.encode(wanted).decode()
    return Example([Turn(last_user_text(messages), completion)], _tokens(row))


def _tokens(row: Mapping[str, Any], encoding: str = CHAT_ENCODING) -> int:
    return min(countable.of_example(row).tokens(encoding), MAX_EXAMPLE_TOKENS)
