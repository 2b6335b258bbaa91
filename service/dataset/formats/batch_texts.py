"""The texts of a batch of examples in one flat list, to be counted in one call."""

from collections.abc import Iterator
from itertools import accumulate
from operator import add, sub

from service.dataset.problems import Flaw

# Kinds of text, as indices; TRAINED texts are those that the tuned model learns to write.
SYSTEM, DEVELOPER, USER, ASSISTANT, ASSISTANT_TRAINED, TOOL, FUNCTION, PROMPT, COMPLETION = range(9)
PREFERRED, NON_PREFERRED = 9, 10
KINDS = 11
TRAINED = frozenset({ASSISTANT_TRAINED, COMPLETION, PREFERRED, NON_PREFERRED})
ROLES = (
    "system",
    "developer",
    "user",
    "assistant",
    "assistant",
    "tool",
    "function",
    "prompt",
    "completion",
    "preferred",
    "non_preferred",
)


class BatchTexts:
    """The texts of a batch, their kinds, the end of each example, and its fixed tokens.

    `fixed[i]` counts the tokens of example i that are not in its texts: message framing, tool definitions
    (cached), images. `framing`, `tools` and `images` are their sums over the batch; `pictured` counts the
    examples with images. `lines` has the line of each example, added by the caller. `doubts` are flaws that
    providers accept, each with the index of its example in the batch.
    """

    __slots__ = (
        "doubts",
        "ends",
        "fixed",
        "framing",
        "images",
        "kinds",
        "lines",
        "pictured",
        "texts",
        "tools",
    )

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.kinds = bytearray()
        self.ends: list[int] = []
        self.fixed: list[int] = []
        self.framing = 0
        self.tools = 0
        self.images = 0
        self.pictured = 0
        self.lines: list[int] = []
        self.doubts: list[tuple[int, Flaw]] = []

    def put(self, text: str, kind: int) -> None:
        """Add one text of the current example."""
        self.texts.append(text)
        self.kinds.append(kind)

    def doubt(self, flaw: Flaw) -> None:
        """Record a flaw of the current example that is only worth a warning."""
        self.doubts.append((len(self.ends), flaw))

    def end(self, framing: int, tools: int = 0, images: int = 0) -> None:
        """End the current example."""
        self.ends.append(len(self.texts))
        self.fixed.append(framing + tools + images)
        self.framing += framing
        self.tools += tools
        self.images += images
        self.pictured += images > 0

    def drop(self) -> None:
        """Discard the current example, because it is flawed."""
        kept = self.ends[-1] if self.ends else 0
        del self.texts[kept:]
        del self.kinds[kept:]

    def totals(self, counts: list[int]) -> list[int]:
        """Return the tokens of each example, from the counts of all texts."""
        sums = list(accumulate(counts, initial=0))
        reached = list(map(sums.__getitem__, self.ends))
        return list(map(add, map(sub, reached, [0, *reached]), self.fixed))

    def answers_from(self, counts: list[int], totals: list[int], over: int) -> Iterator[int]:
        """Return, for each example of more than `over` tokens, the tokens before its first trained text."""
        for number, total in enumerate(totals):
            if total <= over:
                continue
            start, end = self.ends[number - 1] if number else 0, self.ends[number]
            trained = (at for at in range(start, end) if self.kinds[at] in TRAINED)
            first = next(trained, None)
            if first is not None:
                yield sum(counts[start:first])

    def by_kind(self, counts: list[int]) -> list[int]:
        """Return the tokens of each kind of text, from the counts of all texts."""
        sums = [0] * KINDS
        for kind, tokens in zip(self.kinds, counts, strict=True):
            sums[kind] += tokens
        return sums
