"""Split a file's rows into training and validation: seeded, stratified, without leakage.

Rows that are equal, nearly equal, or begin with the same question and answer form a group, which goes to one
side as a whole. This is exact up to 250,000 rows; in larger files only a sample of the pairs is found (see
`warnings.keys`).
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from service.dataset.lines import Batch, batches
from service.dataset.warnings.finder import row_hashes
from service.dataset.warnings.keys import KeyTable
from service.dataset.warnings.sketch import Sketcher

Stratify = Literal["auto", "label", "conversation", "none"]
Mask = NDArray[np.bool_]
Ints = NDArray[np.intp]
_MAX_LABELS = 200
_MAX_LABEL_CHARS = 200


class Choice(NamedTuple):
    """A mask of the rows for validation; rows are the lines that are not blank."""

    is_validation: Mask


def choose(chunks: Iterable[bytes], *, share: float, seed: int, stratify: Stratify) -> Choice:
    """Choose about `share` of the rows. The same bytes and seed give the same choice."""
    ties, strata = _Ties(), _Strata(stratify)
    count = 0
    for batch in batches(chunks):
        rows = _rows_of(batch)
        if not rows:
            continue
        examples = [_decoded(row) for row in rows]
        ties.add(rows, examples, count)
        strata.add(examples)
        count += len(rows)
    groups = ties.groups(count)
    return Choice(_chosen(groups, strata.numbers(count), share, seed))


def part(chunks: Iterable[bytes], choice: Choice, *, validation: bool) -> Iterator[bytes]:
    """Yield one side's rows, each ending in a newline."""
    count = 0
    for batch in batches(chunks):
        rows = _rows_of(batch)
        wanted = choice.is_validation[count : count + len(rows)] == validation
        count += len(rows)
        kept = [row.rstrip(b"\r") for row, want in zip(rows, wanted.tolist(), strict=True) if want]
        if kept:
            yield b"\n".join(kept) + b"\n"


class _Ties:
    def __init__(self) -> None:
        self._tables = [KeyTable(), KeyTable(), KeyTable()]
        self._sketcher = Sketcher()

    def add(self, rows: list[bytes], examples: list[Any], first: int) -> None:
        same, near, begun = self._tables
        numbers = np.arange(first, first + len(rows), dtype=np.uint32)
        same.add(row_hashes(rows), numbers)
        keys, owners = self._sketcher.keys(rows)
        near.add(keys, numbers[owners])
        openings = [(at, opening) for at, example in enumerate(examples) if (opening := _opening(example))]
        if openings:
            begun.add(row_hashes([opening for _, opening in openings]), numbers[[at for at, _ in openings]])

    def groups(self, count: int) -> Ints:
        """Return, for each row, the first row of its group."""
        links = [table.links() for table in self._tables]
        later = np.concatenate([one for one, _ in links]).astype(np.intp)
        first = np.concatenate([one for _, one in links]).astype(np.intp)
        parents = np.arange(count)
        while True:
            before = parents.copy()
            lowest = np.minimum(parents[later], parents[first])
            np.minimum.at(parents, parents[later], lowest)
            np.minimum.at(parents, parents[first], lowest)
            parents = parents[parents]
            if np.array_equal(parents, before):
                return parents


class _Strata:
    """Numbers the strata: labels if there are few, else conversation lengths."""

    def __init__(self, stratify: Stratify) -> None:
        self._stratify = stratify
        self._labels: dict[str, int] = {}
        self._by_label: list[int] = []
        self._by_length: list[int] = []

    def add(self, examples: list[Any]) -> None:
        wants_labels = self._stratify in ("auto", "label") and len(self._labels) <= _MAX_LABELS
        for example in examples:
            self._by_length.append(len(_messages(example)))
            if wants_labels:
                label = _label(example)[:_MAX_LABEL_CHARS]
                self._by_label.append(self._labels.setdefault(label, len(self._labels)))

    def numbers(self, count: int) -> Ints:
        has_labels = len(self._by_label) == count and len(self._labels) <= max(
            1, min(_MAX_LABELS, count // 3)
        )
        if self._stratify == "none":
            return np.zeros(count, np.intp)
        if self._stratify == "label" or (self._stratify == "auto" and has_labels):
            known = self._by_label + [0] * (count - len(self._by_label))
            return np.array(known, np.intp)
        return np.array(self._by_length, np.intp)


def _chosen(groups: Ints, strata: Ints, share: float, seed: int) -> Mask:
    """Pick whole groups at random until each stratum has its share; rounding carries over to the next."""
    count = len(groups)
    sizes = np.bincount(groups, minlength=count)
    roots = np.flatnonzero(sizes)
    roots = np.random.default_rng(seed).permutation(roots)
    taken = np.zeros(count, np.bool_)
    owed = 0.0
    for stratum in np.unique(strata[roots]):
        own = roots[strata[roots] == stratum]
        owed += share * float(sizes[own].sum())
        fitting = own[sizes[own] <= max(1.0, owed)]
        reached = np.cumsum(sizes[fitting])
        picked = fitting[reached <= round(owed)]
        taken[picked] = True
        owed -= float(sizes[picked].sum())
    if not taken.any() and len(roots) > 1:
        taken[roots[np.argmin(sizes[roots])]] = True
    return taken[groups]


def _rows_of(batch: Batch) -> list[bytes]:
    return [row for row in batch.lines if row is not None and row.strip()]


def _decoded(row: bytes) -> Any:
    try:
        return msgspec.json.decode(row)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # the check of the new file reports it


def _messages(example: Any) -> list[Any]:
    found = example.get("messages") if isinstance(example, dict) else None
    return found if isinstance(found, list) else []


def _text(message: Any, role: str) -> str:
    said = isinstance(message, dict) and message.get("role") == role and message.get("content")
    return said if isinstance(said, str) else ""


def _label(example: Any) -> str:
    messages = _messages(example)
    if messages:
        return _text(messages[-1], "assistant")
    completion = example.get("completion") if isinstance(example, dict) else None
    return completion if isinstance(completion, str) else ""


def _opening(example: Any) -> bytes | None:
    """Return a conversation's first question and answer, which other cuts of the same conversation share."""
    messages = _messages(example)
    asked = next((text for message in messages if (text := _text(message, "user"))), "")
    answered = next((text for message in messages if (text := _text(message, "assistant"))), "")
    return f"{asked}\0{answered}".encode("utf-8", "replace") if asked and answered else None
