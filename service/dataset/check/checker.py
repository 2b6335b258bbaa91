"""Check a file of training examples: every error with its line, exact tokens, one pass.

    chunks ─► lines ─► decode + rules (this thread) ─┬► count a flat list of texts (other threads) ─┬► fold
                                                     └► look for warnings (another thread) ─────────┘

Memory is bounded by a few batches whatever the file's size: lengths are kept as a count per distinct
length (there are never more than tens of thousands), problems as a capped list.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from service.dataset import report, tokens
from service.dataset.auto import advise, auto_epochs
from service.dataset.check.error_log import MAX_LISTED, ErrorLog, Sink
from service.dataset.check.explain import explain, not_an_object
from service.dataset.check.whole import problems_of_file
from service.dataset.formats.base import Format
from service.dataset.formats.batch_texts import KINDS, ROLES, TRAINED, BatchTexts
from service.dataset.formats.detect import Detected, declared, detect
from service.dataset.formats.tools import ToolBook
from service.dataset.jsonline import has_only_fields, read, repeated_field
from service.dataset.limits import MAX_EXAMPLE_TOKENS, MIN_EXAMPLES
from service.dataset.lines import MAX_LINE_BYTES, Batch, batches
from service.dataset.normalise import normal_line
from service.dataset.problems import Flaw, Problem, on_line
from service.dataset.report import CheckReport, Tokens

if TYPE_CHECKING:
    from service.dataset.warnings.finder import WarningFinder

# Tokens per example, by current and former models.
LIMITS = (4_096, 16_385, MAX_EXAMPLE_TOKENS)
_IN_FLIGHT = 2
_CANNOT_DECODE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_TOO_FEW = "The file has {} example(s). It can be a validation file, but a training file needs at least {}."


def check(
    chunks: Iterable[bytes],
    *,
    format_name: str | None = None,
    encoding: str | None = None,
    threads: int = 2,
    limits: Iterable[int] = LIMITS,
    on_error: Sink | None = None,
    finder: "WarningFinder | None" = None,
    source_lines: Sequence[int] = (),
    notes: Sequence[str] = (),
) -> CheckReport:
    """Return a report with the errors and token counts of a file, whatever its bytes are.

    `format_name` is detected if None, and `encoding` follows from the format. `threads` more threads count
    tokens. `on_error` receives every error; the report lists the first 100. `finder` finds warnings; without
    it there are none. `source_lines` and `notes` are the converter's. Raises `KeyError` for an unknown format
    or encoding.
    """
    checker = Checker(declared(format_name) if format_name else None, encoding, on_error, source_lines)
    if finder:
        finder.found.line_of = checker.line_of
    with ThreadPoolExecutor(1, "count") as counter, ThreadPoolExecutor(1, "finder") as seeker:
        pending: deque[_Pending] = deque()
        for batch in batches(chunks):
            if checker.errors.is_full:
                continue  # `chunks` may do more than feed this check, so all of it is read
            laid = checker.read(batch)
            counts = counter.submit(tokens.count, laid.texts, checker.encoding, threads=threads)
            seen = seeker.submit(finder.look, batch, laid) if finder else None
            pending.append(_Pending(laid, counts, seen))
            if len(pending) > _IN_FLIGHT:
                checker.fold(pending.popleft())
        while pending:
            checker.fold(pending.popleft())
    return checker.report(limits, finder, [*notes, *checker.errors.notes()])


class _Pending(NamedTuple):
    """A batch that other threads are counting and searching for warnings."""

    laid: BatchTexts
    counts: Future[list[int]]
    errors: Future[list[Problem]] | None


class Checker:
    """The state of one check."""

    def __init__(
        self,
        named: Detected | None,
        encoding: str | None,
        on_error: Sink | None,
        source_lines: Sequence[int],
    ) -> None:
        self._found = named
        self._is_declared = named is not None
        self._encoding = encoding
        self.errors = ErrorLog(on_error)
        self._source_lines = source_lines
        self._book = ToolBook(self.encoding)
        self.examples = 0
        self.normalised = 0
        self._answers_from: Counter[int] = Counter()
        self.lengths: Counter[int] = Counter()
        self.by_kind = [0] * KINDS
        self.framing = self.tools = self.images = self.pictured = 0
        self._blanks = 0
        self._first_blanks: list[int] = []
        self._fields: list[str] = []

    @property
    def format(self) -> Format | None:
        """The format of the file; None while it is unknown."""
        return self._found.format if self._found else None

    @property
    def encoding(self) -> str:
        """The encoding for token counts, which the first batch settles if nothing else does."""
        return self._encoding or (self.format.encoding if self.format else tokens.CHAT_ENCODING)

    def line_of(self, line: int) -> int:
        """Return the line of the uploaded file that a checked line comes from."""
        return self._source_lines[line - 1] if line <= len(self._source_lines) else line

    def read(self, batch: Batch) -> BatchTexts:
        """Decode the lines of a batch, record their flaws, and lay out the valid ones for counting."""
        laid = BatchTexts()
        if self._found is None:
            self._found = detect(batch.lines)
            if self._found is None:
                self._skim(batch)
                return laid
            self._book = ToolBook(self.encoding)
        fmt = self._found.format
        decode, lay_out, book = fmt.decode, fmt.lay_out, self._book
        least_fields = fmt.least_fields
        for number, line in enumerate(batch.lines, batch.first):
            if not line:
                self._empty(number, line)
                continue
            try:
                example = decode(line)
                # No more fields than the least, which most lines have, leave no room for a repeated one.
                if line.count(b":") == (least := least_fields(example)) or has_only_fields(line, least):
                    flaws = lay_out(example, laid, book)
                else:
                    flaws = self._lay_out_closely(line, example, fmt, laid)
            except _CANNOT_DECODE:
                if line.isspace():
                    self._empty(number, line)
                    continue
                flaws = self._second_look(line, fmt, laid)
            self.examples += 1
            if self._blanks:
                self._report_blanks()
            if flaws:
                self._note(number, flaws)
            else:
                laid.lines.append(number)
        return laid

    def _lay_out_closely(self, line: bytes, example: Any, fmt: Format, laid: BatchTexts) -> list[Flaw]:
        """Lay out an example that may have a field twice, or one that is removed because it is null."""
        repeated = repeated_field(line)
        flaws = [repeated] if repeated else fmt.lay_out(example, laid, self._book)
        if b"null" in line and not flaws:
            self.normalised += normal_line(line) is not None
        return flaws

    def _second_look(self, line: bytes, fmt: Format, laid: BatchTexts) -> list[Flaw]:
        """Return the flaws of a line that does not decode; none if removing SDKs' extra fields repairs it."""
        plain = normal_line(line)
        if plain is not None:
            try:
                flaws = fmt.lay_out(fmt.decode(plain), laid, self._book)
            except _CANNOT_DECODE:
                return explain(plain, fmt)
            self.normalised += not flaws
            return flaws
        return explain(line, fmt)

    def fold(self, batch: _Pending) -> None:
        """Wait for a batch's counts and warnings, and add them to the totals."""
        laid, counts = batch.laid, batch.counts.result()
        for error in batch.errors.result() if batch.errors else ():
            self.errors.add(error, own=True)
        totals = laid.totals(counts)
        self.lengths.update(totals)
        if totals and max(totals) > LIMITS[0]:
            self._answers_from.update(laid.answers_from(counts, totals, LIMITS[0]))
        self.by_kind = [sum(pair) for pair in zip(self.by_kind, laid.by_kind(counts), strict=True)]
        self.framing += laid.framing
        self.tools += laid.tools
        self.images += laid.images
        self.pictured += laid.pictured

    def report(
        self, limits: Iterable[int], finder: "WarningFinder | None", notes: Sequence[str]
    ) -> CheckReport:
        """Return the report, after every batch is folded in."""
        self._check_whole()
        truncations = [
            report.truncation(self.lengths, limit, self._answers_from) for limit in sorted(set(limits))
        ]
        if finder and 0 < self.examples < MIN_EXAMPLES:
            finder.found.of_file("too_few_examples", _TOO_FEW.format(self.examples, MIN_EXAMPLES))
        for error in finder.finish(truncations) if finder else ():
            self.errors.add(error, own=True)
        why = self._found.reason if self._found else ""
        return CheckReport(
            format=self.format.name if self.format else None,
            method=self.format.method if self.format else None,
            examples=self.examples,
            valid_examples=self.lengths.total(),
            tokens=self._tokens(),
            truncation=truncations,
            errors=self.errors.listed(self.examples, "" if self._is_declared else why),
            error_count=self.errors.count,
            warnings=finder.found.listed() if finder else [],
            warning_count=finder.found.counts.total() if finder else 0,
            warning_counts=dict(finder.found.counts) if finder else {},
            n_epochs=auto_epochs(self.examples),
            advice=advise(self.format.name, self.examples) if self.format else [],
            notes=[*notes, *filter(None, [why])],
            normalised=self.normalised,
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
        trains = any(self.by_kind[kind] for kind in TRAINED)
        for problem in problems_of_file(
            self.format,
            examples=self.examples,
            pictured=self.pictured,
            learns_nothing=bool(self.lengths) and not trains,
            fields=self._fields,
        ):
            self.errors.add(problem)

    def _skim(self, batch: Batch) -> None:
        for number, line in enumerate(batch.lines, batch.first):
            if not line or line.isspace():
                self._empty(number, line)
                continue
            self.examples += 1
            self._report_blanks()
            value = read(line)
            if isinstance(value, Flaw):
                self._note(number, [value])
            elif not isinstance(value, dict):
                self._note(number, [not_an_object(value)])
            else:
                self._fields = self._fields or list(value)

    def _empty(self, number: int, line: bytes | None) -> None:
        if line is None:
            self.examples += 1
            self._report_blanks()
            self._note(number, [Flaw("", "line_too_long", f"is longer than {MAX_LINE_BYTES} bytes")])
            return
        # Blank lines at the end are harmless, so they are reported only if another example follows.
        self._blanks += 1
        if len(self._first_blanks) < MAX_LISTED:
            self._first_blanks.append(number)

    def _report_blanks(self) -> None:
        for number in self._first_blanks:
            self._note(number, [Flaw("", "blank_line", "is blank; every line must be a JSON object")])
        self.errors.add_unlisted(self._blanks - len(self._first_blanks))
        self._blanks, self._first_blanks = 0, []

    def _note(self, number: int, flaws: list[Flaw]) -> None:
        for flaw in flaws:
            self.errors.add(on_line(self.line_of(number), flaw))
