"""Encodes training lines and prompts with the model's own tokenizer and chat template.

Training and serving go through the same renderer, which refuses what would not reach the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from jinja2 import TemplateError

from service.dataset.convert.clean import without_html
from service.dataset.limits import MAX_EXAMPLE_TOKENS
from trainer.engines.examples import InvalidExampleError, last_user_message
from trainer.engines.transformers.data.contract import Contract
from trainer.engines.transformers.data.messages import Messages, Tools, plain, read_text, tools_of
from trainer.engines.transformers.data.pack import Sequence as Encoded
from trainer.engines.transformers.data.probe import ChatForm, probe

# For a base whose tokenizer brings no template: roles on lines of their own, each turn closed.
PLAIN_TEMPLATE = (
    "{{ bos_token if bos_token else '' }}{% for message in messages %}<|{{ message['role'] }}|>\n"
    "{{ message['content'] }}{{ eos_token if eos_token else '' }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)

WITHOUT_HTML = "without_html"
_NO_END = (
    "the base's chat template does not end the assistant's turn with a token of its own, so a model tuned on"
    " it would never stop"
)


class Encoder:
    """One tokenizer, the number of tokens that its model can see at once, and what ends its texts."""

    def __init__(self, tokenizer: Any, window: int, ends: frozenset[int] = frozenset()) -> None:
        self.tokenizer = tokenizer
        self.window = min(window, MAX_EXAMPLE_TOKENS)
        if not tokenizer.chat_template:
            tokenizer.chat_template = PLAIN_TEMPLATE
        empty = tokenizer("").input_ids
        has_start = tokenizer.bos_token_id is not None and empty[:1] == [tokenizer.bos_token_id]
        self._start = empty[:1] if has_start else []
        self.preprocessing: str | None = None
        """What is done to a text before a classifier reads it, in training and when it is asked."""
        self._contract = Contract(self.render)
        own = {tokenizer.eos_token_id} if tokenizer.eos_token_id is not None else set()
        self._own_ends = ends | own

    @cached_property
    def form(self) -> ChatForm:
        """What the chat template does."""
        return probe(self.tokenizer, self.render, self._own_ends)

    @property
    def ends(self) -> frozenset[int]:
        """The tokens that end an answer: the base's own, and the one that its template ends a turn with."""
        end = self.form.end
        return self._own_ends if end is None else self._own_ends | {end}

    @cached_property
    def marks(self) -> frozenset[str]:
        """The special tokens as text; none of them is meant to be read."""
        return frozenset(
            token.content for token in self.tokenizer.added_tokens_decoder.values() if token.special
        )

    def render(self, messages: Messages, tools: Tools | None = None, *, asks: bool) -> str:
        """The chat as the model reads it; `asks` ends it where the assistant begins.

        Raises `InvalidExampleError` for a chat that the model's template refuses.
        """
        try:
            text: str = self.tokenizer.apply_chat_template(
                messages, tools=tools or None, tokenize=False, add_generation_prompt=asks
            )
        except TemplateError as error:
            raise InvalidExampleError(
                f"the base's chat template refuses this conversation: {str(error)[:200]}"
            ) from error
        except (TypeError, KeyError, ValueError) as error:
            raise InvalidExampleError("the base's chat template refuses this conversation") from error
        return text

    def ask(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()
    ) -> list[int]:
        """Token ids of a chat that waits for its answer; raises `InvalidExampleError`."""
        clean, given = self._plain(messages), [dict(tool) for tool in tools]
        text = self.render(clean, given, asks=True)
        self._contract.check_shape(clean, given)
        self._contract.check_texts(clean, text, {})
        return self._ids(text)

    def ask_plain(self, prompt: str) -> list[int]:
        """Token ids of a text to be continued."""
        return [*self._start, *self._ids(prompt)]

    def chat(self, messages: Sequence[Mapping[str, Any]], tools: Tools | None = None) -> list[Encoded]:
        """One sequence with loss on what the assistant said with weight 1.

        Where the template renders earlier turns differently once more follow (some drop reasoning), each
        trained turn becomes a sequence of its own, as the model will meet it in use. Raises
        `InvalidExampleError` if the template refuses the chat or leaves out a part of it.
        """
        trained = [
            i for i, m in enumerate(messages) if m["role"] == "assistant" and m.get("weight") in (None, 1)
        ]
        clean = self._plain(messages)
        spans = [
            (self.render(clean[:i], tools, asks=True), self.render(clean[: i + 1], tools, asks=False))
            for i in trained
        ]
        whole = self.render(clean, tools, asks=False)
        self._check(clean, tools or [], whole, dict(zip(trained, spans, strict=True)))
        if all(said.startswith(asked) and whole.startswith(said) for asked, said in spans):
            return [self._weigh(whole, [(len(asked), len(said)) for asked, said in spans])]
        return [self._weigh(said, [(_common(asked, said), len(said))]) for asked, said in spans]

    def completion(self, prompt: str, completion: str) -> Encoded:
        """Loss on the completion and the end mark."""
        if not completion:
            raise InvalidExampleError("its completion is empty, so there is nothing to learn")
        end = self.tokenizer.eos_token_id
        if end is None:
            raise InvalidExampleError("the base's tokenizer has no token for the end of a text")
        text = self._weigh(prompt + completion, [(len(prompt), len(prompt) + len(completion))], room=False)
        ids = [*self._start, *text.ids, end]
        weights = [*(0 for _ in self._start), *text.weights, 1]
        return self._cut(ids, weights)

    def preference(self, row: Mapping[str, Any]) -> list[Encoded]:
        """The wanted and the unwanted answer to the same question, with loss on the answers alone."""
        asked = [{**message, "weight": 0} for message in row["input"]["messages"]]
        answers = (row["preferred_output"][0], row["non_preferred_output"][0])
        tools = tools_of(row["input"])
        return [self.chat([*asked, {**said, "weight": 1}], tools)[0] for said in answers]

    def classified(self, text: str) -> Encoded:
        """A text with the marks around it that the encoder was trained with; no loss on any token."""
        if self.preprocessing == WITHOUT_HTML:
            text = without_html(text)
        ids = self.tokenizer(text, truncation=False, verbose=False).input_ids
        if len(ids) <= self.window:
            return Encoded(ids, [0] * len(ids))
        cut = self.tokenizer(text, truncation=True, max_length=self.window).input_ids
        return Encoded(cut, [0] * len(cut), is_cut=True)

    def _plain(self, messages: Sequence[Mapping[str, Any]]) -> Messages:
        return plain(messages, arguments_as_text=self.form.arguments_as_text)

    def _check(self, clean: Messages, tools: Tools, whole: str, spans: Mapping[int, tuple[str, str]]) -> None:
        said = {at: text[_common(asked, text) :] for at, (asked, text) in spans.items()}
        for at in said:
            if not clean[at]["content"].strip() and not clean[at].get("tool_calls"):
                raise InvalidExampleError(f"message {at + 1} is empty, so there is nothing to learn from it")
        self._contract.check_shape(clean, tools)
        self._contract.check_texts(clean, whole, said)
        if self.form.end is None:
            raise InvalidExampleError(_NO_END)
        marks = self.tokenizer.convert_ids_to_tokens(sorted(self.ends))
        for at, text in said.items():
            if not any(mark in text for mark in marks):
                raise InvalidExampleError(f"message {at + 1} is not ended by a token that ends an answer")

    def _weigh(self, text: str, spans: list[tuple[int, int]], *, room: bool = True) -> Encoded:
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        weights = [
            int(any(max(start, first) < min(end, last) for first, last in spans))
            for start, end in encoded.offset_mapping
        ]
        return self._cut(encoded.input_ids, weights) if room else Encoded(encoded.input_ids, weights)

    def _cut(self, ids: list[int], weights: list[int]) -> Encoded:
        return Encoded(ids[: self.window], weights[: self.window], is_cut=len(ids) > self.window)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, verbose=False).input_ids
        return ids


def question_of(row: Mapping[str, Any]) -> str:
    """The text that a classifier reads: the prompt, or the last user message."""
    if "prompt" in row:
        return str(row["prompt"])
    number, message = last_user_message(row["messages"])
    return read_text(message.get("content"), f"message {number}")


def _common(asked: str, said: str) -> int:
    """Where the answer begins in a text whose template changed what came before."""
    for at, (one, other) in enumerate(zip(asked, said, strict=False)):
        if one != other:
            return at
    return min(len(asked), len(said))
