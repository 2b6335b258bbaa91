"""From any source to JSON lines: unpacked, made into examples, reshaped, cleaned; as a stream. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from service.dataset.convert import columns, reshape
from service.dataset.convert.clean import cleaned
from service.dataset.convert.rows import rows_of
from service.dataset.convert.sources import Layout, Source
from service.dataset.convert.unpack import Unreadable, unpacked
from service.dataset.jsonline import read
from service.dataset.lines import batches
from service.dataset.problems import Flaw

MAX_BYTES = 8 * 2**30
# Text packs to a tenth or so; something that packs to a 200th is no data to train on.
_MAX_RATIO = 200
_FREE_BYTES = 64 * 2**20
_OUT_BYTES = 2**20


class Options(msgspec.Struct, frozen=True):
    """How to convert; the defaults change nothing but what must change."""

    to: str | None = None
    columns: dict[str, str] = msgspec.field(default_factory=dict)
    system: str | None = None
    separator: str | None = None
    stop: str | None = None
    clean_html: bool = False
    clean_control: bool = False

    @property
    def rewrites(self) -> bool:
        """Whether examples that are JSON already have to be looked at."""
        return self.to in ("chat", "completion") or self.clean_html or self.clean_control


def unpack_limit(packed_bytes: int) -> int:
    """How far a file of that size may unpack."""
    return min(MAX_BYTES, max(_FREE_BYTES, _MAX_RATIO * packed_bytes))


def converted(chunks: Iterable[bytes], source: Source, size_bytes: int, options: Options) -> Iterator[bytes]:
    """`chunks`, which are `size_bytes` of what `source` says, as JSON lines in pieces of about 1 MiB.

    Lines that are not JSON objects stay as they are, for the check to name. Raises `Unreadable`.
    """
    plain = unpacked(chunks, source.packing, unpack_limit(size_bytes))
    if source.layout is Layout.JSONL and not options.rewrites:
        yield from plain
        return
    written_bytes = 0
    for piece in _joined(_lines(plain, source, options)):
        written_bytes += len(piece)
        if written_bytes > MAX_BYTES:
            raise Unreadable(f"The examples take more than {MAX_BYTES} bytes, which is the limit.")
        yield piece


def _lines(plain: Iterable[bytes], source: Source, options: Options) -> Iterator[bytes]:
    reshaped = reshape.reshaper(
        options.to, system=options.system, separator=options.separator, stop=options.stop
    )
    for example in _examples(plain, source, options):
        if isinstance(example, bytes):
            yield example
            continue
        for one in reshaped(example):
            yield _encoded(cleaned(one, of_html=options.clean_html, of_control=options.clean_control))


def _examples(plain: Iterable[bytes], source: Source, options: Options) -> Iterator[dict[str, Any] | bytes]:
    if source.layout is not Layout.JSONL:
        build: columns.Build | None = None
        for row in rows_of(plain, source.layout):
            named = columns.renamed(row, options.columns)
            build = build or columns.builder(named, options.to)
            yield build(named)
        return
    for batch in batches(plain):
        for number, line in enumerate(batch.lines, batch.first):
            if line is None:
                raise Unreadable(f"line {number}: is too long.")
            if line.strip():
                value = read(line)
                yield value if isinstance(value, dict) and not isinstance(value, Flaw) else line.rstrip()


def _encoded(example: Any) -> bytes:
    try:
        return msgspec.json.encode(example)
    except (TypeError, ValueError, OverflowError, RecursionError) as bad:
        raise Unreadable(f"An example cannot be written as JSON: {bad}.") from bad


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    held_bytes = 0
    for line in lines:
        held += (line, b"\n")
        held_bytes += len(line) + 1
        if held_bytes >= _OUT_BYTES:
            yield b"".join(held)
            held, held_bytes = [], 0
    if held:
        yield b"".join(held)
