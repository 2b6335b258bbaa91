"""The metrics of a validation pass: loss, accuracy, macro-F1, margin, the confusion matrix."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from trainer.engines.transformers.objectives import Sums


@dataclass
class Score:
    """Sums over batches as plain numbers."""

    loss: float = 0.0
    count: int = 0
    correct: int = 0
    margin: float | None = None
    guesses: list[tuple[int, int]] = field(default_factory=list)

    def add(self, sums: Sums) -> None:
        """Take in one batch."""
        self.loss += float(sums.loss.detach())
        self.count += sums.count
        self.correct += int(sums.correct)
        if sums.margin is not None:
            self.margin = (self.margin or 0.0) + float(sums.margin)
        self.guesses += sums.guesses

    def metrics(self, prefix: str, n_labels: int = 0) -> dict[str, float]:
        """Means under OpenAI's names: `{prefix}loss`, `{prefix}mean_token_accuracy`, and our own.

        A label or a choice between two answers counts as one token.
        """
        count = max(1, self.count)
        found = {
            f"{prefix}loss": round(self.loss / count, 6),
            f"{prefix}mean_token_accuracy": round(self.correct / count, 6),
        }
        if self.margin is not None:
            found[f"{prefix}reward_margin"] = round(self.margin / count, 6)
        if n_labels and prefix == "full_valid_":
            found[f"{prefix}macro_f1"] = round(macro_f1(confusion(self.guesses, n_labels)), 6)
        return found


def confusion(guesses: Sequence[tuple[int, int]], n_labels: int) -> list[list[int]]:
    """Counts by true class (row) and predicted class (column)."""
    matrix = [[0] * n_labels for _ in range(n_labels)]
    for right, guessed in guesses:
        matrix[right][guessed] += 1
    return matrix


def macro_f1(matrix: Sequence[Sequence[int]]) -> float:
    """The mean of the classes' F1 = 2 TP / (2 TP + FP + FN), without classes that never appear."""
    scores = []
    for label in range(len(matrix)):
        support = sum(matrix[label]) + sum(row[label] for row in matrix)
        if support:
            scores.append(2 * matrix[label][label] / support)
    return sum(scores) / len(scores) if scores else 0.0


def confusion_csv(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> str:
    """One row per true label, with the count of each predicted label."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["label", *(f"guessed {label}" for label in labels)])
    for label, row in zip(labels, matrix, strict=True):
        writer.writerow([label, *row])
    return text.getvalue()
