"""Check a file of training examples: every error with its line, exact tokens, one pass. Pure.

    chunks ─► lines ─► decode + rules (this thread) ─┬► count a flat list of texts (other threads) ─┬► fold
                                                     └► watch for warnings (another thread) ────────┘

Memory is bounded by a few batches whatever the file's size: lengths are kept as a count per distinct
length (there are never more than tens of thousands), problems as a capped list.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import msgspec

from service.dataset import report, tokens
from service.dataset.auto import advise, auto_epochs
from service.dataset.check.explain import explain
from service.dataset.formats import images
from service.dataset.formats.base import Format
from service.dataset.formats.detect import FORMATS, detect
from service.dataset.formats.sheet import KINDS, ROLES, TRAINED, Sheet
from service.dataset.formats.tools import ToolBook
from service.dataset.jsonline import read
from service.dataset.limits import MAX_EXAMPLE_TOKENS, MIN_EXAMPLES
from service.dataset.lines import MAX_LINE_BYTES, Batch, batches
from service.dataset.problems import Flaw, Problem, of_file, on_line
from service.dataset.report import Report, Tokens
from service.dataset.warnings.watch import Watch

MAX_LISTED = 100
# Limits of tokens per example that models on offer have, or had.
LIMITS = (4_096, 16_385, MAX_EXAMPLE_TOKENS)
_IN_FLIGHT = 2
_CANNOT_DECODE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_UNKNOWN_FORMAT = (
    "No line is an example of a format that can be trained: each is a JSON object with 'messages' (chat, "
    "reinforcement), with 'prompt' and 'completion', or with 'input', 'preferred_output' and "
    "'non_preferred_output'."
)

Sink = Callable[[Problem], None]


def check(
    chunks: Iterable[bytes],
    *,
    format_name: str | None = None,
    encoding: str | None = None,
    threads: int = 2,
    limits: Iterable[int] = LIMITS,
    on_error: Sink | None = None,
    watch: Watch | None = None,
) -> Report:
    """Everything wrong with the bytes and everything they cost in tokens; whatever the bytes, it answers.

    `format_name` (chat, completion, …) is found out by content when None, `encoding` follows the format.
    `threads` counts tokens while this thread decodes. `on_error` gets every
    problem, the report the first 100. `watch` looks for what is worth a warning; without it there are none.
    Raises `KeyError` for a format or encoding that does not exist, and what `chunks` itself raises.
    """
    checker = Checker(FORMATS[format_name] if format_name else None, encoding, on_error)
    with ThreadPoolExecutor(1, "count") as counter, ThreadPoolExecutor(1, "watch") as watcher:
        pending: deque[_Pending] = deque()
        for batch in batches(chunks):
            sheet = checker.read(batch)
            counts = counter.submit(tokens.count, sheet.texts, checker.encoding, threads=threads)
            seen = watcher.submit(watch.look, batch, sheet) if watch else None
            pending.append(_Pending(sheet, counts, seen))
            if len(pending) > _IN_FLIGHT:
                checker.fold(pending.popleft())
        while pending:
            checker.fold(pending.popleft())
    return checker.report(limits, watch)


class _Pending(NamedTuple):
    """A batch that is being counted and watched."""

    sheet: Sheet
    counts: Future[list[int]]
    errors: Future[list[Problem]] | None


class Checker:
    """The state of one check: what was seen and found so far."""

    def __init__(self, fmt: Format | None, encoding: str | None, on_error: Sink | None) -> None:
        self.format = fmt
        self._encoding = encoding
        self._on_error = on_error
        self._book = ToolBook(self.encoding)
        self.examples = 0
        self.errors: list[Problem] = []
        self.error_count = 0
        self.lengths: Counter[int] = Counter()
        self.by_kind = [0] * KINDS
        self.framing = self.tools = self.images = self.pictured = 0
        self._blanks = 0
        self._first_blanks: list[int] = []

    @property
    def encoding(self) -> str:
        """The encoding tokens are counted in; settled by the first batch at the latest."""
        return self._encoding or (self.format.encoding if self.format else tokens.CHAT_ENCODING)

    def read(self, batch: Batch) -> Sheet:
        """Decode the lines of a batch, note their flaws, and lay the good ones out for counting."""
        sheet = Sheet()
        if self.format is None:
            self.format = detect(batch.lines)
            if self.format is None:
                self._skim(batch)
                return sheet
            self._book = ToolBook(self.encoding)
        decode, lay_out, book, fmt = self.format.decode, self.format.lay_out, self._book, self.format
        for number, line in enumerate(batch.lines, batch.first):
            if not line:
                self._empty(number, line)
                continue
            try:
                flaws = lay_out(decode(line), sheet, book)
            except _CANNOT_DECODE:
                if line.isspace():
                    self._empty(number, line)
                    continue
                flaws = explain(line, fmt)
            self.examples += 1
            if self._blanks:
                self._tell_blanks()
            if flaws:
                self._note(number, flaws)
            else:
                sheet.lines.append(number)
        return sheet

    def fold(self, batch: _Pending) -> None:
        """Add a batch to what was seen so far, once it is counted and watched."""
        sheet, counts = batch.sheet, batch.counts.result()
        for error in batch.errors.result() if batch.errors else ():
            self._add(error)
        self.lengths.update(sheet.totals(counts))
        self.by_kind = [sum(pair) for pair in zip(self.by_kind, sheet.by_kind(counts), strict=True)]
        self.framing += sheet.framing
        self.tools += sheet.tools
        self.images += sheet.images
        self.pictured += sheet.pictured

    def report(self, limits: Iterable[int], watch: Watch | None) -> Report:
        """All of it, once every batch is folded in."""
        self._check_whole()
        truncations = [report.truncation(self.lengths, limit) for limit in sorted(set(limits))]
        for error in watch.finish(truncations) if watch else ():
            self._add(error)
        return Report(
            format=self.format.name if self.format else None,
            method=self.format.method if self.format else None,
            examples=self.examples,
            valid_examples=self.lengths.total(),
            tokens=self._tokens(),
            truncation=truncations,
            errors=self.errors,
            error_count=self.error_count,
            warnings=watch.found.listed() if watch else [],
            warning_count=watch.found.counts.total() if watch else 0,
            warning_counts=dict(watch.found.counts) if watch else {},
            n_epochs=auto_epochs(self.examples),
            advice=advise(self.format.name, self.examples) if self.format else [],
        )

    def _tokens(self) -> Tokens:
        roles: Counter[str] = Counter()
        for role, tokens_seen in zip(ROLES, self.by_kind, strict=True):
            roles[role] += tokens_seen
        share = partial(report.percentile, self.lengths)
        return Tokens(
            encoding=self.encoding,
            total=sum(self.by_kind) + self.framing + self.tools + self.images,
            trained=sum(self.by_kind[kind] for kind in TRAINED),
            min=min(self.lengths, default=0),
            p50=share(0.50),
            p95=share(0.95),
            p99=share(0.99),
            max=max(self.lengths, default=0),
            by_role={role: seen for role, seen in roles.items() if seen},
            framing=self.framing,
            tools=self.tools,
            images=self.images,
            histogram=report.histogram(self.lengths),
        )

    def _check_whole(self) -> None:
        if not self.examples:
            self._add(of_file("empty_file", "The file holds no examples."))
        elif self.format is None:
            self._add(of_file("unknown_format", _UNKNOWN_FORMAT))
        elif self.examples < MIN_EXAMPLES:
            message = f"The file has {self.examples} example(s), but must have at least {MIN_EXAMPLES}."
            self._add(of_file("too_few_examples", message))
        fmt = self.format
        if fmt and fmt.max_examples and self.examples > fmt.max_examples:
            message = (
                f"The file has {self.examples} examples; {fmt.method} training takes {fmt.max_examples}."
            )
            self._add(of_file("too_many_examples", message))
        if self.pictured > images.MAX_EXAMPLES:
            message = f"{self.pictured} examples have images; the limit is {images.MAX_EXAMPLES}."
            self._add(of_file("too_many_images", message))
        trains = fmt is not None and fmt.trains_tokens
        if trains and self.lengths and not any(self.by_kind[kind] for kind in TRAINED):
            self._add(of_file("nothing_trained", "Every assistant message has weight 0: nothing is trained."))

    def _skim(self, batch: Batch) -> None:
        for number, line in enumerate(batch.lines, batch.first):
            if not line or line.isspace():
                self._empty(number, line)
                continue
            self.examples += 1
            self._tell_blanks()
            value = read(line)
            if isinstance(value, Flaw):
                self._note(number, [value])
            elif not isinstance(value, dict):
                self._note(number, [Flaw("", "not_an_object", "expected a JSON object")])

    def _empty(self, number: int, line: bytes | None) -> None:
        if line is None:
            self.examples += 1
            self._tell_blanks()
            self._note(number, [Flaw("", "line_too_long", f"is longer than {MAX_LINE_BYTES} bytes")])
            return
        # Blank lines at the end are harmless, so nothing is said until another example follows.
        self._blanks += 1
        if len(self._first_blanks) < MAX_LISTED:
            self._first_blanks.append(number)

    def _tell_blanks(self) -> None:
        for number in self._first_blanks:
            self._note(number, [Flaw("", "blank_line", "is blank; every line must be a JSON object")])
        self.error_count += self._blanks - len(self._first_blanks)
        self._blanks, self._first_blanks = 0, []

    def _note(self, number: int, flaws: list[Flaw]) -> None:
        for flaw in flaws:
            self._add(on_line(number, flaw))

    def _add(self, problem: Problem) -> None:
        self.error_count += 1
        if len(self.errors) < MAX_LISTED:
            self.errors.append(problem)
        if self._on_error is not None:
            self._on_error(problem)
