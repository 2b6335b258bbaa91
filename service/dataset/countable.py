"""Collect the texts to count, and the fixed tokens, of a request or a training line in plain JSON.

The checker has typed examples for this (`formats/`), because it refuses unknown fields. This module applies
the same rule to plain JSON, for the trainer's counts and for answers whose provider reported no usage.
`tests/dataset/golden/tokens.json` keeps both equal.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from service.dataset import tokens
from service.dataset.formats import images
from service.dataset.formats.declare import CARRIER_TOKENS, FunctionDefinition, declare

_TEXT_KEYS = ("text", "refusal")
# Strings that a model does not read as text: URLs, ids, types, base64 data, and reasoning that is encrypted.
_UNREAD = frozenset(
    {
        "data",
        "file",
        "file_data",
        "file_id",
        "id",
        "call_id",
        "encrypted_content",
        "image_url",
        "input_audio",
        "type",
    }
)


class Countable(NamedTuple):
    """Texts to count, and the `fixed` tokens of message framing and images."""

    texts: list[str]
    fixed: int = 0

    def tokens(self, encoding: str) -> int:
        """Return the total in tokens of `encoding`."""
        return sum(tokens.count(self.texts, encoding)) + self.fixed


def of_chat(messages: Iterable[Any], tools: Any = None, functions: Any = None) -> Countable:
    """Collect a conversation, as in chat completions or responses, and its tools."""
    texts, fixed = of_tools([*_list(tools), *_list(functions)])
    for message in messages:
        fixed += _add_message(_as_message(message), texts)
    return Countable(texts, fixed + tokens.TOKENS_PER_REPLY)


def of_tools(definitions: list[Any]) -> Countable:
    """Collect tool definitions as a model reads them; for hosted tools, the texts of their options."""
    known, others = [], []
    for definition in definitions:
        function = _function(definition)
        if function is None:
            others.append(definition)
        else:
            known.append(function)
    texts = strings_in(others)
    if not known:
        return Countable(texts)
    try:
        return Countable([*texts, declare(known)], CARRIER_TOKENS)
    except RecursionError:
        return Countable([*texts, msgspec.json.encode(known).decode()], CARRIER_TOKENS)


def of_prompt(prompt: Any) -> Countable:
    """Collect a legacy prompt: a text, token ids, or a list of either."""
    if isinstance(prompt, int):
        return Countable([], 1)
    if isinstance(prompt, list):
        parts = [of_prompt(part) for part in prompt]
        return Countable([text for part in parts for text in part.texts], sum(part.fixed for part in parts))
    return Countable(strings_in(prompt))


def of_example(example: Mapping[str, Any]) -> Countable:
    """Collect a training line in any of the four formats."""
    if "preferred_output" in example or "non_preferred_output" in example:
        asked = example.get("input")
        asked = asked if isinstance(asked, dict) else {}
        said = [*_list(example.get("preferred_output")), *_list(example.get("non_preferred_output"))]
        return of_chat([*_list(asked.get("messages")), *said], asked.get("tools"))
    if "messages" in example:
        return of_chat(_list(example["messages"]), example.get("tools"), example.get("functions"))
    return of_prompt([example.get("prompt"), example.get("completion")])


def strings_in(value: Any) -> list[str]:
    """Yield every string in a JSON value that a model would read or has written."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in strings_in(item)]
    if isinstance(value, dict):
        return [text for key, item in value.items() if key not in _UNREAD for text in strings_in(item)]
    return []


def _as_message(item: Any) -> dict[str, Any]:
    """Return an item of a response's input as the equivalent chat message."""
    if not isinstance(item, dict):
        return {"content": strings_in(item)}
    kind = item.get("type", "message")
    if kind == "function_call":
        return {"tool_calls": [{"function": item}]}
    if kind == "function_call_output":
        return {"content": item.get("output")}
    return item if kind == "message" or "role" in item else {"content": strings_in(item)}


def _add_message(message: dict[str, Any], texts: list[str]) -> int:
    """Add the message's texts; return its fixed tokens."""
    name, content = message.get("name"), message.get("content")
    texts += strings_in([name, message.get("refusal")])
    calls = _calls(message)
    for call in calls:
        texts += strings_in([call.get("name"), _argument_text(call.get("arguments"))])
    fixed = tokens.framing(has_name=isinstance(name, str), calls=len(calls))
    if isinstance(content, list):
        return fixed + sum(_add_part(part, texts) for part in content)
    texts += strings_in(content)
    return fixed


def _add_part(part: Any, texts: list[str]) -> int:
    image = _image(part)
    if image is not None:
        return images.tokens_of(image)
    if isinstance(part, dict) and any(isinstance(part.get(key), str) for key in _TEXT_KEYS):
        texts += [part[key] for key in _TEXT_KEYS if isinstance(part.get(key), str)]
    else:
        texts += strings_in(part)
    return 0


def _image(part: Any) -> images.Image | None:
    """Return the image of a part: an object in chat completions, a URL in responses."""
    if not isinstance(part, dict) or part.get("type") not in ("image_url", "input_image"):
        return None
    given = part.get("image_url")
    inner = given if isinstance(given, dict) else {"url": given, "detail": part.get("detail")}
    url = inner.get("url")
    return images.Image(url if isinstance(url, str) else "", "low" if inner.get("detail") == "low" else None)


def _calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    called = [call.get("function") for call in _list(message.get("tool_calls")) if isinstance(call, dict)]
    return [call for call in (*called, message.get("function_call")) if isinstance(call, dict)]


def _argument_text(arguments: Any) -> Any:
    # A string by the API's schema; some clients send an object, which counts as its JSON.
    return msgspec.json.encode(arguments).decode() if isinstance(arguments, dict) else arguments


def _function(definition: Any) -> FunctionDefinition | None:
    """Return the function of a tool definition, nested as in chat completions or flat as in responses."""
    if not isinstance(definition, dict):
        return None
    given = definition.get("function", definition)
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        return None
    description, parameters = given.get("description"), given.get("parameters")
    return FunctionDefinition(
        given["name"],
        description if isinstance(description, str) else None,
        parameters if isinstance(parameters, dict) else None,
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
