"""The result of a file's check."""

from collections import Counter

import msgspec

from service.dataset.auto import Advice
from service.dataset.problems import Problem


class Truncation(msgspec.Struct, frozen=True):
    """What a limit of tokens per example would cut off; providers cut silently, at the end.

    `nothing_left` counts the examples that would lose all their trained tokens.
    """

    limit: int
    examples: int
    tokens_lost: int
    nothing_left: int = 0


class LengthBucket(msgspec.Struct, frozen=True):
    """How many examples have `low` to `high` tokens, both included."""

    low: int
    high: int
    examples: int


class Tokens(msgspec.Struct, frozen=True):
    """Counts over all valid examples. `by_role`, framing, tools and images sum to `total`."""

    encoding: str
    total: int
    trained: int
    min: int
    p50: int
    p95: int
    p99: int
    max: int
    by_role: dict[str, int]
    framing: int
    tools: int
    images: int
    histogram: list[LengthBucket]


class CheckReport(msgspec.Struct, frozen=True):
    """Everything Tunehouse knows about a file's content, independent of its owner and of prices.

    `examples` counts the lines that are not blank, `valid_examples` those without a flaw. `errors` and
    `warnings` are capped lists; `error_count`, `warning_count` and `warning_counts` (by code) are complete.
    `notes` say how the file was read; `normalised` counts examples with nulls or fields that SDKs add.
    """

    format: str | None
    method: str | None
    examples: int
    valid_examples: int
    tokens: Tokens
    truncation: list[Truncation]
    errors: list[Problem]
    error_count: int
    warnings: list[Problem]
    warning_count: int
    n_epochs: int
    advice: list[Advice]
    warning_counts: dict[str, int] = msgspec.field(default_factory=dict)
    notes: list[str] = msgspec.field(default_factory=list)
    normalised: int = 0

    @property
    def passed(self) -> bool:
        """Return whether the file can be used for training."""
        return self.error_count == 0


def percentile(lengths: Counter[int], share: float) -> int:
    """Return the percentile of the lengths (nearest rank, `share` 0 to 1); 0 if there are none."""
    wanted = share * lengths.total()
    seen = 0
    for length in sorted(lengths):
        seen += lengths[length]
        if seen >= wanted:
            return length
    return 0


def truncation(lengths: Counter[int], limit: int, answers_from: Counter[int]) -> Truncation:
    """Return what `limit` would cut off; `answers_from` has where long examples' trained texts start."""
    over = [(length, times) for length, times in lengths.items() if length > limit]
    return Truncation(
        limit=limit,
        examples=sum(times for _, times in over),
        tokens_lost=sum((length - limit) * times for length, times in over),
        nothing_left=sum(times for start, times in answers_from.items() if start >= limit),
    )


def histogram(lengths: Counter[int]) -> list[LengthBucket]:
    """Return buckets of doubling width: 0-15, 16-31, 32-63, …, without empty ones at either end."""
    by_power: Counter[int] = Counter()
    for length, times in lengths.items():
        by_power[max(length.bit_length(), 4)] += times
    if not by_power:
        return []
    powers = range(min(by_power), max(by_power) + 1)
    return [
        LengthBucket(0 if power == 4 else 2 ** (power - 1), 2**power - 1, by_power[power]) for power in powers
    ]
