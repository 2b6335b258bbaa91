"""Generates token by token, so that answers can stream, stop, and end when the client leaves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from trainer.engines.answers import UNSUPPORTED, AnswerRefusedError, EngineAnswer, Prompt, describe_token
from trainer.engines.transformers.data.encode import Encoder

_UNFINISHED = "\ufffd"  # what half of a character decodes to


class AnswerWriter:
    """One answer being written; its `answer` is complete once the pieces are."""

    def __init__(self, model: Any, encoder: Encoder, ids: Sequence[int], prompt: Prompt, *,
                 shows_marks: bool = False) -> None:  # fmt: skip
        """`shows_marks` keeps special tokens in the text, for a reader that looks for function calls."""
        self._model, self._tokenizer, self._ids, self._prompt = model, encoder.tokenizer, list(ids), prompt
        room = encoder.window - len(ids)
        self._limit = room if prompt.max_tokens is None else min(room, prompt.max_tokens)
        self._ends = encoder.ends
        self._hides_marks = not shows_marks
        self._bias = _bias(prompt, model)
        self._said: Counter[int] = Counter()
        self._random = torch.Generator(device=model.device)
        if prompt.seed is not None:
            self._random.manual_seed(prompt.seed)
        else:
            self._random.seed()
        wants = prompt.top_logprobs is not None
        self.answer = EngineAnswer(
            pieces=self._write(), prompt_tokens=len(self._ids), logprobs=[] if wants else None
        )

    def _write(self) -> Iterator[str]:
        said: list[int] = []
        shown = 0
        self.answer.finish_reason = "length"
        for token in self._tokens():
            self.answer.completion_tokens += 1
            if token in self._ends:
                self.answer.finish_reason = "stop"
                if self.answer.logprobs:
                    self.answer.logprobs.pop()  # the mark of the end is not part of the text
                break
            said.append(token)
            text = self._tokenizer.decode(said, skip_special_tokens=self._hides_marks)
            cut = _find_stop(text, self._prompt.stop)
            if cut is not None:
                self.answer.finish_reason = "stop"
                if cut > shown:
                    yield text[shown:cut]
                return
            safe = len(text) - length_held_back(text, self._prompt.stop)
            if safe > shown and not text.endswith(_UNFINISHED):
                yield text[shown:safe]
                shown = safe
        text = self._tokenizer.decode(said, skip_special_tokens=self._hides_marks)
        if len(text) > shown:
            yield text[shown:]

    def _tokens(self) -> Iterator[int]:
        past, ids = None, torch.tensor([self._ids], device=self._model.device)
        for _ in range(self._limit):
            with torch.inference_mode():
                out = self._model(input_ids=ids, past_key_values=past, use_cache=True)
            past = out.past_key_values
            scores = self._weighed(out.logits[0, -1].float())
            token = self._pick(scores)
            self._said[token] += 1
            if self.answer.logprobs is not None:
                self.answer.logprobs.append(self._explain(scores, token))
            yield token
            ids = torch.tensor([[token]], device=self._model.device)

    def _weighed(self, scores: Any) -> Any:
        """The scores with biases and penalties, by the formula in OpenAI's API reference."""
        frequency, presence = self._prompt.frequency_penalty, self._prompt.presence_penalty
        if not (self._bias or frequency or presence):
            return scores
        scores = scores.clone()  # a tensor of inference mode cannot be changed outside it
        for token, bias in self._bias.items():
            scores[token] += bias
        for token, times in self._said.items():
            scores[token] -= times * frequency + presence
        return scores

    def _pick(self, scores: Any) -> int:
        temperature = 1.0 if self._prompt.temperature is None else self._prompt.temperature
        if temperature == 0:
            return int(scores.argmax())
        shares = torch.softmax(scores / temperature, -1)
        if self._prompt.top_p is not None and self._prompt.top_p < 1:
            ordered, order = shares.sort(descending=True)
            # The first token stays whatever its share; the rest while those before leave room.
            ordered[ordered.cumsum(-1) - ordered > self._prompt.top_p] = 0
            return int(order[torch.multinomial(ordered, 1, generator=self._random)])
        return int(torch.multinomial(shares, 1, generator=self._random))

    def _explain(self, scores: Any, token: int) -> dict[str, Any]:
        logs = torch.log_softmax(scores, -1)
        best = logs.topk(self._prompt.top_logprobs or 0)
        found = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        entry = describe_token(self._tokenizer.decode([token]), float(logs[token]))
        return {
            **entry,
            "top_logprobs": [describe_token(self._tokenizer.decode([i]), value) for i, value in found],
        }


def label_logprobs(labels: Sequence[str], shares: Sequence[float], top: int) -> list[dict[str, Any]]:
    """A classifier's answer as one token: its label, with the log probabilities of the top labels."""
    entries = sorted(
        (describe_token(label, math.log(share) if share > 0 else -9999.0)
         for label, share in zip(labels, shares, strict=True)),
        key=lambda one: -float(one["logprob"]),
    )  # fmt: skip
    return [{**entries[0], "top_logprobs": entries[:top]}]


def _bias(prompt: Prompt, model: Any) -> Mapping[int, float]:
    for token in prompt.logit_bias:
        size = model.config.get_text_config().vocab_size
        if token >= size:
            message = f"This model has no token {token}; its ids are below {size}."
            raise AnswerRefusedError(message, UNSUPPORTED, "logit_bias")
    return prompt.logit_bias


def _find_stop(text: str, stops: Sequence[str]) -> int | None:
    places = [at for stop in stops if stop and (at := text.find(stop)) >= 0]
    return min(places) if places else None


def length_held_back(text: str, stops: Sequence[str]) -> int:
    """The length of the end that may begin a stop sequence and must not be sent yet."""
    longest = 0
    for stop in stops:
        for size in range(min(len(stop) - 1, len(text)), longest, -1):
            if text.endswith(stop[:size]):
                longest = size
                break
    return longest
