"""Convert prompt/completion to chat, and chat to prompt/completion.

A chat with several replies becomes several pairs, one for each trained reply. Examples with tools or images,
which completions cannot express, stay unchanged, and the check of the new file reports their lines.
"""

from collections.abc import Callable, Iterator
from typing import Any

Example = dict[str, Any]
SEPARATOR = "\n\n###\n\n"
STOP = " END"
# The ends of prompts and completions in OpenAI's older guides.
_SEPARATORS = ("\n\n###\n\n", "\n\n===\n\n", "\n\n---\n\n", "\n\n", " ->", "->")
_STOPS = (" END", "\n\n###\n\n", "###", "\n")
_SPEAKERS = {"user": "User", "assistant": "Assistant"}


def reshaper(
    to: str | None, *, system: str | None = None, separator: str | None = None, stop: str | None = None
) -> Callable[[Example], Iterator[Example]]:
    """Return a function that converts an example to format `to`; examples already in it stay unchanged."""

    def reshape(example: Example) -> Iterator[Example]:
        if to == "chat" and example.keys() == {"prompt", "completion"}:
            yield _to_chat(example, system, separator, stop)
        elif to == "completion" and _is_plain_chat(example):
            yield from _to_pairs(
                example,
                SEPARATOR if separator is None else separator,
                STOP if stop is None else stop,
            )
        else:
            yield example

    return reshape


def _to_chat(example: Example, system: str | None, separator: str | None, stop: str | None) -> Example:
    prompt, completion = example["prompt"], example["completion"]
    if not isinstance(prompt, str) or not isinstance(completion, str):
        return example
    asked = _without_end(prompt, _SEPARATORS if separator is None else (separator,)).strip()
    said = _without_end(completion, _STOPS if stop is None else (stop,)).strip()
    opening = [{"role": "system", "content": system}] if system else []
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
    return {"messages": [*opening, *turns]}


def _without_end(text: str, ends: tuple[str, ...]) -> str:
    return next((text.removesuffix(end) for end in ends if end and text.endswith(end)), text)


def _is_plain_chat(example: Example) -> bool:
    messages = example.get("messages")
    return (
        example.keys() == {"messages"}
        and isinstance(messages, list)
        and bool(messages)
        and all(
            isinstance(one, dict)
            and one.get("role") in ("system", "developer", "user", "assistant")
            and isinstance(one.get("content"), str)
            and one.keys() <= {"role", "content", "weight", "name"}
            for one in messages
        )
        and any(one["role"] == "assistant" and one.get("weight") != 0 for one in messages)
    )


def _to_pairs(example: Example, separator: str, stop: str) -> Iterator[Example]:
    before: list[Example] = []
    for message in example["messages"]:
        if message["role"] == "assistant" and message.get("weight") != 0:
            yield {"prompt": _prompt(before) + separator, "completion": f" {message['content']}{stop}"}
        before.append(message)


def _prompt(before: list[Example]) -> str:
    """Return the text before a reply; it names the speakers if there is more than one turn."""
    if sum(message["role"] in _SPEAKERS for message in before) <= 1:
        return "\n\n".join(message["content"] for message in before)
    named = (f"{_SPEAKERS.get(message['role'], 'System')}: {message['content']}" for message in before)
    return "\n\n".join([*named, "Assistant:"])
