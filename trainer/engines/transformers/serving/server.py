"""Serves models from memory: loads on first use, evicts the least recently used."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from trainer.engines.answers import AnswerRefusedError, EngineAnswer, Prompt
from trainer.engines.base import LineTokens, TrainingFailedError
from trainer.engines.examples import InvalidExampleError, detect_format, last_user_text, text_of
from trainer.engines.transformers.bases import ENCODER
from trainer.engines.transformers.data.encode import Encoder, question_of
from trainer.engines.transformers.data.messages import tools_of
from trainer.engines.transformers.data.pack import Sequence as Encoded
from trainer.engines.transformers.failures import is_out_of_memory
from trainer.engines.transformers.manifest import CorruptModelError
from trainer.engines.transformers.models import load_encoder, load_to_answer, pick_dtype
from trainer.engines.transformers.serving.calling import (
    CallReader,
    callable_tools,
    check_answerable,
)
from trainer.engines.transformers.serving.generate import AnswerWriter, label_logprobs
from trainer.settings import OfferedBase, TrainerSettings


@dataclass(frozen=True)
class Loaded:
    """A model that can answer; `labels` are a classifier's."""

    model: Any
    encoder: Encoder
    labels: tuple[str, ...]


class Serving:
    """Answers from any thread; models load one at a time."""

    def __init__(self, settings: TrainerSettings) -> None:
        self._device = _pick_device(settings.device)
        self._room = settings.cached_models
        self._loaded: OrderedDict[Path | str, Loaded] = OrderedDict()
        self._encoders: dict[str, Encoder] = {}
        self._lock = threading.Lock()

    def answer(self, base: OfferedBase, folder: Path | None, prompt: Prompt) -> EngineAnswer:
        """A label, or text as it is written; raises `AnswerRefusedError`."""
        if folder is None and base.kind == ENCODER:
            message = (
                f"{base.name} is an encoder that has learnt no labels yet; tune it, then ask the tuned model."
            )
            raise AnswerRefusedError(message, "model_not_tuned", "model")
        loaded = self._load(base, folder)
        check_answerable(prompt, loaded.encoder, is_classifier=bool(loaded.labels))
        try:
            return _classify(loaded, prompt) if loaded.labels else _write(loaded, prompt)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise AnswerRefusedError(
                "This prompt needs more memory than there is.", "out_of_memory"
            ) from error

    def count_tokens(self, base: OfferedBase, rows: Sequence[Mapping[str, Any]]) -> list[LineTokens]:
        """Tokens of lines as this base is trained on them; an invalid line counts 0."""
        with self._lock:
            if base.name not in self._encoders:
                try:
                    self._encoders[base.name] = load_encoder(base, None)
                except TrainingFailedError as error:
                    raise AnswerRefusedError(error.message, error.code, error.param) from error
            encoder = self._encoders[base.name]
        return [_count(encoder, base, row) for row in rows]

    def _load(self, base: OfferedBase, folder: Path | None) -> Loaded:
        key = folder or base.name
        with self._lock:
            if key not in self._loaded:
                while len(self._loaded) >= self._room:
                    self._loaded.popitem(last=False)
                self._loaded[key] = self._read(base, folder)
            self._loaded.move_to_end(key)
            return self._loaded[key]

    def _read(self, base: OfferedBase, folder: Path | None) -> Loaded:
        try:
            model = load_to_answer(base, folder, pick_dtype(self._device)).to(self._device)
            encoder = load_encoder(base, folder)
        except (CorruptModelError, SafetensorError, OSError) as error:
            message = f"The model cannot be loaded. {error if isinstance(error, CorruptModelError) else ''}"
            raise AnswerRefusedError(message.strip(), "model_damaged", "model") from error
        except TrainingFailedError as error:
            raise AnswerRefusedError(error.message, error.code, error.param) from error
        labels = model.config.id2label if base.kind == ENCODER else {}
        return Loaded(model, encoder, tuple(labels[index] for index in sorted(labels)))


def _classify(loaded: Loaded, prompt: Prompt) -> EngineAnswer:
    asked = loaded.encoder.classified(last_user_text(prompt.messages)).ids
    ids = torch.tensor([asked], device=loaded.model.device)
    with torch.inference_mode():
        scores = loaded.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
    shares = torch.softmax(scores.float(), -1).tolist()
    label = loaded.labels[max(range(len(shares)), key=shares.__getitem__)]
    return EngineAnswer(
        pieces=[label],
        prompt_tokens=len(asked),
        completion_tokens=len(loaded.encoder.tokenizer(label, add_special_tokens=False).input_ids),
        logprobs=None
        if prompt.top_logprobs is None
        else label_logprobs(loaded.labels, shares, prompt.top_logprobs),
    )


def _write(loaded: Loaded, prompt: Prompt) -> EngineAnswer:
    encoder = loaded.encoder
    try:
        if prompt.is_completion:
            ids = encoder.ask_plain(text_of(prompt.messages[0]["content"]))
        else:
            ids = encoder.ask(prompt.messages, callable_tools(prompt))
    except InvalidExampleError as error:
        raise AnswerRefusedError(f"This cannot be asked: {error}.", "invalid_prompt", "messages") from error
    if len(ids) >= encoder.window or not ids:
        message = f"This model's context is {encoder.window} tokens; the prompt has {len(ids)}."
        raise AnswerRefusedError(message, "context_length_exceeded", "messages")
    calls = encoder.form.calls if callable_tools(prompt) else None
    answer = AnswerWriter(loaded.model, encoder, ids, prompt, shows_marks=calls is not None).answer
    return CallReader(calls, prompt.choice, encoder.marks).read(answer) if calls else answer


def _count(encoder: Encoder, base: OfferedBase, row: Mapping[str, Any]) -> LineTokens:
    try:
        found = _sequences(encoder, base, row)
    except InvalidExampleError as error:
        return LineTokens(0, problem=str(error))
    except (KeyError, TypeError, IndexError, AttributeError):
        return LineTokens(0)  # not a training line at all, as the check of its format says
    return LineTokens(sum(len(one.ids) for one in found), any(one.is_cut for one in found))


def _sequences(encoder: Encoder, base: OfferedBase, row: Mapping[str, Any]) -> list[Encoded]:
    if base.kind == ENCODER:
        return [encoder.classified(question_of(row))]
    kind = detect_format(row)
    if kind == "fine-tune-preference":
        return encoder.preference(row)
    if kind == "fine-tune-completion":
        return [encoder.completion(row["prompt"], row["completion"])]
    return encoder.chat(row["messages"], tools_of(row))


def _pick_device(wanted: str) -> Any:
    if wanted != "auto":
        return torch.device(wanted)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
