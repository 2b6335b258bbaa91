"""Encodes training lines with the model's own tokenizer and chat template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from jinja2 import TemplateError

from service.dataset.limits import MAX_EXAMPLE_TOKENS
from trainer.engines.examples import InvalidExampleError, last_user_text, text_of
from trainer.engines.transformers.data.pack import Sequence

_ROLES = {"developer": "system", "function": "tool"}  # what templates call them
# For a base whose tokenizer brings no template: roles on lines of their own, each turn closed.
PLAIN_TEMPLATE = (
    "{{ bos_token if bos_token else '' }}{% for message in messages %}<|{{ message['role'] }}|>\n"
    "{{ message['content'] }}{{ eos_token if eos_token else '' }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)

Messages = list[dict[str, Any]]


class Encoder:
    """One tokenizer and the number of tokens that its model can see at once."""

    def __init__(self, tokenizer: Any, window: int) -> None:
        self.tokenizer = tokenizer
        self.window = min(window, MAX_EXAMPLE_TOKENS)
        if not tokenizer.chat_template:
            tokenizer.chat_template = PLAIN_TEMPLATE
        empty = tokenizer("").input_ids
        has_start = tokenizer.bos_token_id is not None and empty[:1] == [tokenizer.bos_token_id]
        self._start = empty[:1] if has_start else []

    def render(self, messages: Messages, tools: Any = None, *, asks: bool) -> str:
        """The chat as the model reads it; `asks` ends it where the assistant begins.

        Raises `InvalidExampleError` for a chat that the model's template refuses.
        """
        try:
            text: str = self.tokenizer.apply_chat_template(
                messages, tools=list(tools) if tools else None, tokenize=False, add_generation_prompt=asks
            )
        except (TemplateError, TypeError, KeyError, ValueError) as error:
            raise InvalidExampleError("the model's chat template refuses this conversation") from error
        return text

    def ask(self, messages: Messages, tools: Any = None) -> list[int]:
        """Token ids of a chat that waits for its answer."""
        return self._ids(self.render(plain(messages), tools, asks=True))

    def ask_plain(self, prompt: str) -> list[int]:
        """Token ids of a text to be continued."""
        return [*self._start, *self._ids(prompt)]

    def chat(self, messages: Messages, tools: Any = None) -> list[Sequence]:
        """One sequence with loss on what the assistant said with weight 1.

        Where the template renders earlier turns differently once more follow (some drop reasoning), each
        trained turn becomes a sequence of its own, as the model will meet it in use.
        """
        trained = [i for i, m in enumerate(messages) if m["role"] == "assistant" and m.get("weight", 1)]
        clean = plain(messages)
        spans = [(self.render(clean[:i], tools, asks=True), self.render(clean[: i + 1], tools, asks=False))
                 for i in trained]  # fmt: skip
        whole = self.render(clean, tools, asks=False)
        if all(said.startswith(asked) and whole.startswith(said) for asked, said in spans):
            return [self._weigh(whole, [(len(asked), len(said)) for asked, said in spans])]
        return [self._weigh(said, [(_common(asked, said), len(said))]) for asked, said in spans]

    def completion(self, prompt: str, completion: str) -> Sequence:
        """Loss on the completion and the end mark."""
        end = [self.tokenizer.eos_token_id] if self.tokenizer.eos_token_id is not None else []
        text = self._weigh(prompt + completion, [(len(prompt), len(prompt) + len(completion))], room=False)
        ids = [*self._start, *text.ids, *end]
        weights = [*(0 for _ in self._start), *text.weights, *(1 for _ in end)]
        return self._cut(ids, weights)

    def preference(self, row: Mapping[str, Any]) -> list[Sequence]:
        """The wanted and the unwanted answer to the same question, with loss on the answers alone."""
        asked = [{**message, "weight": 0} for message in row["input"]["messages"]]
        answers = (row["preferred_output"][0], row["non_preferred_output"][0])
        tools = row["input"].get("tools")
        return [self.chat([*asked, {**said, "weight": 1}], tools)[0] for said in answers]

    def classified(self, text: str) -> Sequence:
        """A text with the marks around it that the encoder was trained with; no loss on any token."""
        ids = self.tokenizer(text, truncation=False, verbose=False).input_ids
        if len(ids) <= self.window:
            return Sequence(ids, [0] * len(ids))
        cut = self.tokenizer(text, truncation=True, max_length=self.window).input_ids
        return Sequence(cut, [0] * len(cut), is_cut=True)

    def _weigh(self, text: str, spans: list[tuple[int, int]], *, room: bool = True) -> Sequence:
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        weights = [
            int(any(max(start, first) < min(end, last) for first, last in spans))
            for start, end in encoded.offset_mapping
        ]
        return self._cut(encoded.input_ids, weights) if room else Sequence(encoded.input_ids, weights)

    def _cut(self, ids: list[int], weights: list[int]) -> Sequence:
        return Sequence(ids[: self.window], weights[: self.window], is_cut=len(ids) > self.window)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, verbose=False).input_ids
        return ids


def plain(messages: Any) -> Messages:
    """Messages in the form that templates expect: text contents, known roles, arguments as objects."""
    return [_plain_one(message) for message in messages]


def question_of(row: Mapping[str, Any]) -> str:
    """The text that a classifier reads: the prompt, or the last user message."""
    return str(row["prompt"]) if "prompt" in row else last_user_text(row["messages"])


def _plain_one(message: Mapping[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in message.items() if k != "weight" and v is not None}
    kept["role"] = _ROLES.get(message["role"], message["role"])
    kept["content"] = text_of(message.get("content"))
    if message.get("tool_calls"):
        kept["tool_calls"] = [_plain_call(call) for call in message["tool_calls"]]
    return kept


def _plain_call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = dict(call.get("function", {}))
    with suppress(TypeError, ValueError):  # arguments that are no JSON are shown to the model as they are
        function["arguments"] = json.loads(function.get("arguments", "{}"))
    return {**call, "function": function}


def _common(asked: str, said: str) -> int:
    """Where the answer begins in a text whose template changed what came before."""
    for at, (one, other) in enumerate(zip(asked, said, strict=False)):
        if one != other:
            return at
    return min(len(asked), len(said))
