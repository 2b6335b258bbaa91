"""Find warnings about all texts together: labels, system prompts, languages, ends of prompts."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import compress

from service.dataset.formats import batch_texts as kinds
from service.dataset.formats.batch_texts import BatchTexts
from service.dataset.warnings.found import Warnings
from service.dataset.warnings.languages import language_of

_MAX_LABELS = 200
_MAX_LABEL_CHARS = 60
# The older guides ask for "at least ~100 examples per class".
_WANTED_PER_LABEL = 100
_IMBALANCE = 10
_MAX_SYSTEMS = 1_000
_SAMPLES_PER_BATCH = 40
_MIXED_SHARE = 0.05
_TAIL_CHARS = 24
_UNKNOWN = "not recognised"  # too short, or in a language without a list of words


class Styles:
    """Collects statistics on batches of texts, and warns at the end."""

    def __init__(self) -> None:
        self._examples = 0
        self._labels: Counter[str] | None = Counter()
        self._systems: Counter[int] = Counter()
        self._languages: Counter[str] = Counter()
        self._prompt_end: str | None = None
        self._completion_end: str | None = None
        self._unspaced = self._with_separator = 0

    def look(self, laid: BatchTexts) -> None:
        """Add a batch."""
        self._examples += len(laid.lines)
        self._count_labels(_of(laid, kinds.ASSISTANT_TRAINED, kinds.COMPLETION))
        if len(self._systems) < _MAX_SYSTEMS:
            self._systems.update(map(hash, _of(laid, kinds.SYSTEM, kinds.DEVELOPER)))
        step = max(1, len(laid.texts) // _SAMPLES_PER_BATCH)
        sample = (text for text, kind in zip(laid.texts[::step], laid.kinds[::step], strict=True) if kind > 1)
        self._languages.update(language_of(text) or _UNKNOWN for text in sample)
        self._look_at_pairs(list(_of(laid, kinds.PROMPT)), list(_of(laid, kinds.COMPLETION)))

    def report(self, found: Warnings) -> None:
        """Add the warnings."""
        if self._examples < 2:
            return
        self._report_labels(found)
        self._report_systems(found)
        self._report_languages(found)
        if self._prompt_end is not None:
            self._report_pairs(found)

    def _count_labels(self, texts: Iterable[str]) -> None:
        if self._labels is None:
            return
        self._labels.update(text[: _MAX_LABEL_CHARS + 1] for text in texts)
        long = any(len(label) > _MAX_LABEL_CHARS for label in self._labels)
        if long or len(self._labels) > _MAX_LABELS:
            self._labels = None  # these are not classes

    def _report_labels(self, found: Warnings) -> None:
        labels = self._labels
        if not labels or len(labels) < 2 or labels.total() < 3 * len(labels):
            return
        (most, at_most), (least, at_least) = labels.most_common()[0], labels.most_common()[-1]
        if at_most >= _IMBALANCE * at_least:
            message = f"{most.strip()!r} is the answer {at_most} times, {least.strip()!r} {at_least} times."
            found.of_file("label_imbalance", f"The {len(labels)} labels are unbalanced: {message}")
        if labels.total() < _WANTED_PER_LABEL * len(labels):
            found.of_file(
                "few_examples_per_label",
                f"{labels.total()} examples teach {len(labels)} labels; {least.strip()!r} has {at_least}. "
                f"Use about {_WANTED_PER_LABEL} examples for each.",
            )

    def _report_systems(self, found: Warnings) -> None:
        prompts, opened = len(self._systems), self._systems.total()
        by_design = prompts > max(10, opened // 20) or prompts >= _MAX_SYSTEMS
        if opened and opened < self._examples and not by_design:
            message = f"{self._examples - opened} of {self._examples} examples have no system prompt."
            found.of_file("system_prompts_differ", message)
        if prompts > 1 and not by_design:
            common = self._systems.most_common(1)[0][1]
            message = f"There are {prompts} system prompts; the most common one opens {common} examples."
            found.of_file("system_prompts_differ", message)

    def _report_languages(self, found: Warnings) -> None:
        seen = self._languages.total()
        shares = [(name, times / seen) for name, times in self._languages.most_common() if times > 1]
        mixed = [f"{name} {share:.0%}" for name, share in shares if share >= _MIXED_SHARE]
        if len(mixed) > 1 + any(name == _UNKNOWN for name, _ in shares):
            found.of_file(
                "mixed_languages", f"The languages are mixed, judging by a sample: {', '.join(mixed)}."
            )

    def _look_at_pairs(self, prompts: list[str], completions: list[str]) -> None:
        if not completions:
            return
        self._unspaced += sum(not text[:1].isspace() for text in completions)
        ends = prompts if self._prompt_end is None else [*prompts, self._prompt_end]
        self._prompt_end = common_end(ends)
        ends = completions if self._completion_end is None else [*completions, self._completion_end]
        self._completion_end = common_end(ends)
        separator = self._prompt_end
        if separator.strip():
            self._with_separator += sum(text.find(separator, 0, -len(separator)) >= 0 for text in prompts)

    def _report_pairs(self, found: Warnings) -> None:
        if not (self._prompt_end or "").strip(" "):
            message = "Prompts have no common end. End each with one separator, such as ' ->', in use too."
            found.of_file("missing_separator", message)
        if not (self._completion_end or "").strip(" "):
            message = (
                "Completions have no common end, so the model cannot learn to stop. Add one, such as ' END'."
            )
            found.of_file("missing_stop", message)
        if self._unspaced:
            message = (
                f"{self._unspaced} completions begin without a space; start them with one for better tokens."
            )
            found.of_file("missing_space", message)
        if self._with_separator and (self._prompt_end or "").strip():
            message = (
                f"{self._with_separator} prompts also contain the separator {self._prompt_end!r} earlier."
            )
            found.of_file("separator_in_prompt", message)


def common_end(texts: list[str]) -> str:
    """Return the common end of all texts, at most 24 characters."""
    tails = [text[-_TAIL_CHARS:][::-1] for text in texts]
    low, high = min(tails), max(tails)
    same = next((at for at, char in enumerate(low) if char != high[at : at + 1]), len(low))
    return low[:same][::-1]


def _of(laid: BatchTexts, *wanted: int) -> Iterator[str]:
    """Yield the texts of some kinds."""
    table = bytes(kind in wanted for kind in range(256))
    return compress(laid.texts, laid.kinds.translate(table))
