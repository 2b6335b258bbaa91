"""Packs: a job's tokenised examples in one memory-mapped file.

Sequences lie end to end: `ids` and `weights` (1 where loss is taken), `starts` with one more entry than there
are sequences. An example is `group` sequences: one, or two of a preference (wanted, then unwanted). `labels`
has a class an example, of a classifier only.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

Tensor = Any


@dataclass(frozen=True)
class Sequence:
    """Token ids and, for each, whether loss is taken on it; `is_cut` when the end did not fit."""

    ids: list[int]
    weights: list[int]
    is_cut: bool = False


class PackWriter:
    """Collects sequences compactly: 5 bytes a token."""

    def __init__(self) -> None:
        self._ids, self._weights = array("i"), array("B")
        self._starts, self._labels = array("q", [0]), array("q")

    def add(self, *sequences: Sequence, label: int | None = None) -> None:
        """Append one example."""
        for sequence in sequences:
            self._ids.extend(sequence.ids)
            self._weights.extend(sequence.weights)
            self._starts.append(len(self._ids))
        if label is not None:
            self._labels.append(label)

    @property
    def tokens(self) -> int:
        """Tokens so far."""
        return len(self._ids)

    @property
    def trained(self) -> int:
        """Tokens so far that loss is taken on."""
        return sum(self._weights)

    def write(self, path: Path) -> None:
        """Save everything."""
        save_file(
            {
                "ids": _tensor(self._ids, torch.int32),
                "weights": _tensor(self._weights, torch.uint8),
                "starts": _tensor(self._starts, torch.int64),
                "labels": _tensor(self._labels, torch.int64),
            },
            path,
        )


class Pack:
    """A pack on disk, written by `PackWriter`."""

    def __init__(self, path: Path, group: int) -> None:
        parts = load_file(path)
        self._ids, self._weights, self._starts = parts["ids"], parts["weights"], parts["starts"].tolist()
        self.labels: Tensor = parts["labels"]
        self.group = group

    def __len__(self) -> int:
        return (len(self._starts) - 1) // self.group

    def tokens(self, example: int) -> int:
        """Tokens of an example."""
        first = example * self.group
        return int(self._starts[first + self.group] - self._starts[first])

    def learnt(self, example: int) -> int:
        """Tokens of a single sequence that loss is taken on; nothing predicts the first."""
        return int(self._weights[self._starts[example] + 1 : self._starts[example + 1]].sum())

    def longest(self, example: int) -> int:
        """Tokens of its longest sequence, which is what padding follows."""
        first = example * self.group
        return max(int(self._starts[i + 1] - self._starts[i]) for i in range(first, first + self.group))

    def batch(self, examples: list[int], pad_id: int) -> dict[str, Tensor]:
        """`ids`, `mask` and `weights` of shape (sequences, longest), padded at the end, and `labels`."""
        rows = [example * self.group + i for example in examples for i in range(self.group)]
        length = max(self._starts[row + 1] - self._starts[row] for row in rows)
        ids = torch.full((len(rows), length), pad_id, dtype=torch.int64)
        mask = torch.zeros((len(rows), length), dtype=torch.int64)
        weights = torch.zeros((len(rows), length), dtype=torch.bool)
        for at, row in enumerate(rows):
            piece = slice(self._starts[row], self._starts[row + 1])
            size = piece.stop - piece.start
            ids[at, :size] = self._ids[piece]
            mask[at, :size] = 1
            weights[at, :size] = self._weights[piece].bool()
        labels = self.labels[examples] if len(self.labels) else self.labels
        return {"ids": ids, "mask": mask, "weights": weights, "labels": labels}


def _tensor(values: array[int], dtype: Any) -> Tensor:
    # frombuffer refuses empty buffers.
    return torch.frombuffer(values, dtype=dtype).clone() if len(values) else torch.empty(0, dtype=dtype)
