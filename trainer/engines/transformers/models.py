"""Loads weights to train or to answer with, and saves trained models.

A tuned model is a folder: an adapter with its base elsewhere, a full model, or a classifier. All are in the
formats of peft and transformers, so that vLLM and others can serve them unchanged.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from pathlib import Path
from typing import Any

import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from service.dataset.limits import MAX_EXAMPLE_TOKENS
from trainer.engines.base import TrainingFailedError
from trainer.engines.transformers import manifest, rates
from trainer.engines.transformers.bases import ENCODER
from trainer.engines.transformers.data.encode import WITHOUT_HTML, Encoder
from trainer.engines.transformers.ends import as_ends, read_ends, write_ends
from trainer.settings import OfferedBase

ADAPTER, FULL, CLASSIFIER = "adapter", "full", "classifier"
_OFFSET_POSITIONS = {
    *("camembert", "data2vec-text", "ibert", "longformer", "mpnet", "roberta"),
    *("roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod"),
}
# The parts of models of several senses that do not read text, by the names that transformers gives them.
_OTHER_SENSES = r".*(vision|visual|image|audio|multi_modal|multimodal|embed_vision|connector).*"
_UNREADABLE = (OSError, ValueError, KeyError, SafetensorError)

transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()
logging.getLogger("peft").setLevel(logging.ERROR)


def load_encoder(base: OfferedBase, folder: Path | None) -> Encoder:
    """The tokenizer of a tuned model or of the base; raises `TrainingFailedError` for a base without."""
    source = folder or _path(base)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        whole = folder is not None and (folder / "config.json").is_file()
        config = AutoConfig.from_pretrained(source if whole else _path(base)).get_text_config()
        ends = read_ends(source) or read_ends(_path(base)) or as_ends(config.eos_token_id)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _no_model(base) from error
    encoder = Encoder(tokenizer, min(_positions(config), tokenizer.model_max_length), ends)
    encoder.preprocessing = _preprocessing(base, folder)
    return encoder


def inherited_labels(parent: Path | None) -> list[str]:
    """The classes of the classifier to tune on; none for a base. Raises `CorruptModelError`."""
    return manifest.read(parent).labels if parent else []


def load_to_train(base: OfferedBase, parent: Path | None, labels: list[str], dtype: Any) -> Any:
    """A model with the right weights set to learn; raises `CorruptModelError`, `TrainingFailedError`."""
    if labels:
        return _load_classifier(base, parent, labels)
    if parent is None:
        return _set_to_learn(_load_causal(base, _path(base), dtype), base)
    saved = manifest.read(parent)
    if saved.kind == FULL:
        return _set_to_learn(_load_causal(base, parent, dtype), base)
    model = _load_causal(base, _under(base, parent, saved), dtype)
    if base.tuning == "lora":
        return PeftModel.from_pretrained(model, parent, is_trainable=True)
    merged = PeftModel.from_pretrained(model, parent).merge_and_unload()
    return _train_language(merged.requires_grad_(True))


def load_to_answer(base: OfferedBase, folder: Path | None, dtype: Any) -> Any:
    """A model in evaluation mode, adapters merged; raises `CorruptModelError`, `TrainingFailedError`."""
    if folder is None:
        return _load_causal(base, _path(base), dtype).eval()
    saved = manifest.read(folder)
    if saved.kind == CLASSIFIER:
        return AutoModelForSequenceClassification.from_pretrained(folder).eval()
    if saved.kind == FULL:
        return _load_causal(base, folder, dtype).eval()
    model = _load_causal(base, _under(base, folder, saved), dtype)
    return PeftModel.from_pretrained(model, folder).merge_and_unload().eval()


def save_model(model: Any, encoder: Encoder, base: OfferedBase, parent: Path | None, labels: list[str],
               folder: Path) -> None:  # fmt: skip
    """Write a trained model into the folder atomically, replacing what it contained."""
    _empty(folder)
    try:
        model.save_pretrained(folder)
        if not labels:
            write_ends(folder, _path(base), encoder)
        encoder.tokenizer.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)  # peft's model card, a form left blank
        kind = CLASSIFIER if labels else ADAPTER if base.tuning == "lora" else FULL
        saved = manifest.Manifest(
            kind=kind,
            base=base.name,
            identity=manifest.read(parent).identity if parent else base.identity,
            preprocessing=encoder.preprocessing,
            over=_over(base, parent, folder) if kind == ADAPTER else None,
            labels=labels,
        )
        manifest.finish(folder, saved)
    except BaseException:
        _empty(folder)
        raise


def _preprocessing(base: OfferedBase, folder: Path | None) -> str | None:
    """That of the classifier in the folder, or the one that a new classifier gets."""
    if base.kind != ENCODER:
        return None
    return manifest.read(folder).preprocessing if folder else WITHOUT_HTML


def _positions(config: Any) -> int:
    """The tokens that a model can see at once.

    RoBERTa and its kin number positions from one behind the padding's id, so they have fewer than embeddings.
    """
    embedded: int | None = getattr(config, "max_position_embeddings", None)
    if not embedded:
        return MAX_EXAMPLE_TOKENS
    return embedded - config.pad_token_id - 1 if config.model_type in _OFFSET_POSITIONS else embedded


def _load_causal(base: OfferedBase, source: Path, dtype: Any) -> Any:
    try:
        config = AutoConfig.from_pretrained(source)
        has_causal_loader = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING
        loader = AutoModelForCausalLM if has_causal_loader else AutoModelForImageTextToText
        return loader.from_pretrained(source, dtype=dtype)
    except _UNREADABLE as error:
        raise _no_model(base) from error


def _load_classifier(base: OfferedBase, parent: Path | None, labels: list[str]) -> Any:
    if parent:
        manifest.read(parent)
    try:
        return AutoModelForSequenceClassification.from_pretrained(
            parent or _path(base),
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: index for index, label in enumerate(labels)},
            ignore_mismatched_sizes=True,
        )
    except _UNREADABLE as error:
        raise _no_model(base) from error


def _set_to_learn(model: Any, base: OfferedBase) -> Any:
    if base.tuning == "full":
        return _train_language(model)
    return get_peft_model(
        model,
        LoraConfig(
            task_type="CAUSAL_LM",
            r=rates.LORA_RANK,
            lora_alpha=rates.LORA_ALPHA,
            lora_dropout=rates.LORA_DROPOUT,
            target_modules="all-linear",
            exclude_modules=_OTHER_SENSES if _has_other_senses(model) else None,
        ),
    )


def _has_other_senses(model: Any) -> bool:
    return any(re.fullmatch(_OTHER_SENSES, name) for name, _ in model.named_modules())


def _train_language(model: Any) -> Any:
    """Freeze what reads images or sound: no training line has either."""
    for name, parameter in model.named_parameters():
        if re.fullmatch(_OTHER_SENSES, name):
            parameter.requires_grad_(False)
    return model


def _over(base: OfferedBase, parent: Path | None, folder: Path) -> str | None:
    """The full model under an adapter, None for the base itself."""
    if parent is None:
        return None
    saved = manifest.read(parent)
    if saved.kind == FULL:
        return os.path.relpath(parent, folder)
    return os.path.relpath(parent / saved.over, folder) if saved.over else None


def _under(base: OfferedBase, folder: Path, saved: manifest.Manifest) -> Path:
    """The weights that an adapter lies on; raises `TrainingFailedError` if the base is another one by now."""
    if saved.over:
        return (folder / saved.over).resolve()
    if saved.identity and base.identity and saved.identity.sha256 != base.identity.sha256:
        message = (
            f"This model was tuned from another base than the one that is offered as {base.name} now (sha256"
            f" {saved.identity.sha256[:12]}, now {base.identity.sha256[:12]}). Offer the former base under"
            " this name again."
        )
        raise TrainingFailedError("base_mismatch", message, "model")
    return _path(base)


def _empty(folder: Path) -> None:
    for item in folder.iterdir():
        if item.is_dir():
            shutil.rmtree(item, ignore_errors=True)
        else:
            item.unlink(missing_ok=True)


def _path(base: OfferedBase) -> Path:
    if base.path is None:
        raise RuntimeError(f"the base {base.name} has no folder")
    return base.path


def _no_model(base: OfferedBase) -> TrainingFailedError:
    message = f"The base {base.name} cannot be loaded: its folder holds no usable model of kind {base.kind}."
    return TrainingFailedError("invalid_model", message, "model")


def count_parameters(model: Any) -> int:
    """All parameters, trained or not."""
    return sum(parameter.numel() for parameter in model.parameters())


def pick_dtype(device: Any) -> Any:
    """bfloat16 where the device computes in it, else float32."""
    return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
