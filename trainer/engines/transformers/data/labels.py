"""Determines a classifier's labels, and checks that a file can train one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trainer.engines.base import TrainingFailedError
from trainer.engines.examples import text_of

MAX_LABELS = 1_000


def label_of(row: Mapping[str, Any]) -> str | None:
    """The label of a line, stripped: its completion or last trained answer; None where none is trained."""
    if "messages" not in row:
        return str(row["completion"]).strip()
    said = [m for m in row["messages"] if m["role"] == "assistant" and m.get("weight", 1)]
    return text_of(said[-1].get("content")).strip() if said else None


def settle_labels(found: Iterable[str], n_examples: int, inherited: list[str]) -> list[str]:
    """The classes in a fixed order: those of the model tuned on, or the file's sorted.

    Raises `TrainingFailedError` for one label only, for completions that are no labels, and for labels that
    a classifier to be tuned on does not know. No message repeats a label: it is training data.
    """
    labels = sorted(set(found))
    if len(labels) < 2:
        raise _refuse("All examples have the same label; a classifier needs at least two.")
    if any(not label for label in labels):
        raise _refuse("At least one example has an empty label.")
    if len(labels) > MAX_LABELS or len(labels) * 2 > n_examples:
        raise _refuse(
            f"The completions are no labels: {len(labels)} different ones in {n_examples} examples. An"
            " encoder learns to classify; to learn to write, choose a language model as the base."
        )
    if not inherited:
        return labels
    if strangers := len(set(labels) - set(inherited)):
        raise _refuse(
            f"The model to tune on knows {len(inherited)} labels, and {strangers} of the file's {len(labels)}"
            " are not among them. Tune the base instead, with examples of every label."
        )
    return inherited


def _refuse(reason: str) -> TrainingFailedError:
    message = f"The job failed due to an invalid training file. {reason}"
    return TrainingFailedError("invalid_training_file", message, "training_file")
