"""A small packed file is refused before it costs more than its size allows."""

import gzip
import io
import random
import tracemalloc
import zipfile
from collections.abc import Iterator

import numpy as np
import pytest
from arro3.core import Array, DataType, Table, list_array
from arro3.io import write_parquet
from backports import zstd

from service.dataset.check.checker import check
from service.dataset.convert import parquet
from service.dataset.convert.pipeline import Conversion, Options
from service.dataset.convert.problems import Unreadable
from service.dataset.convert.sources import source_of
from tests.dataset.containers import as_parquet, workbook

MIB = 2**20
CHAT = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'


def converted(content: bytes, filename: str, options: Options | None = None) -> Iterator[bytes]:
    return iter(Conversion([content], source_of(filename), len(content), options or Options()))


def refusal(content: bytes, filename: str, options: Options | None = None) -> str:
    with pytest.raises(Unreadable) as refused:
        for _ in converted(content, filename, options):
            pass
    return str(refused.value)


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
@pytest.mark.parametrize(
    ("plain", "filename"),
    [
        (b"\n" * MIB, "train.jsonl"),
        (CHAT + b"\r\n" * MIB, "train.jsonl"),
        (b"{}\n" * MIB, "train.jsonl"),
        (CHAT * 300_000, "train.jsonl"),
        (b"[" + b"{}," * MIB + b"{}]", "train.json"),
        (b'[{"prompt": "a",\n' + b"\n" * MIB + b'"completion": "b"}]', "train.json"),
        (b"prompt,completion\n" + b"\n" * MIB, "train.csv"),
        (b"prompt,completion\n" + b"a,b\n" * MIB, "train.csv"),
        (("\ufeff" + "\n" * MIB).encode("utf-16-le"), "train.jsonl"),
    ],
)
def test_lines_are_bounded_by_what_was_sent(plain: bytes, filename: str, pack: object) -> None:
    assert callable(pack)
    assert "lines or rows, the limit for its size" in refusal(pack(plain), filename)


def test_bytes_are_bounded_by_what_was_sent() -> None:
    said = refusal(gzip.compress(b" " * 17 * MIB), "train.jsonl.gz")
    assert f"unpacks to more than {16 * MIB} bytes, the limit for its size" in said


def test_a_packed_file_that_is_full_of_examples_is_read() -> None:
    made = b"".join(converted(gzip.compress(CHAT * 50_000), "train.jsonl.gz"))
    assert made == CHAT * 50_000


def test_one_long_chat_does_not_grow_by_its_square() -> None:
    turns = ", ".join('{"role": "assistant", "content": "ab"}' for _ in range(8_000))
    said = refusal(f'{{"messages": [{turns}]}}\n'.encode(), "train.jsonl", Options(to="completion"))
    assert "the limit for a file of this size" in said


def test_rows_of_parquet_are_bounded_by_what_was_sent() -> None:
    packed = as_parquet([{"prompt": "a", "completion": "b"}] * 150_000)
    assert "lines or rows, the limit for its size" in refusal(packed, "train.parquet")


@pytest.mark.parametrize("compression", ["zstd(3)", "gzip(6)", "snappy"])
def test_a_page_of_parquet_is_bounded(compression: str) -> None:
    said = refusal(parquet_of(["a" * 65 * MIB], compression), "train.parquet")
    assert f"A page of the file unpacks to more than {64 * MIB} bytes" in said


@pytest.mark.parametrize("compression", ["zstd(3)", "gzip(6)"])
def test_a_page_of_parquet_that_unpacks_to_more_than_it_names_is_refused(compression: str) -> None:
    cell = 15 * MIB
    honest = parquet_of(["a" * cell], compression)
    named = next(size for size in range(cell, cell + 200) if honest.count(varint(2 * size)) == 1)
    said = refusal(honest.replace(varint(2 * named), varint(2 * named // 4)), "train.parquet")
    assert f"unpacks to more than {named // 4} bytes" in said


def test_parquet_unpacks_to_no_more_than_its_size_allows() -> None:
    said = refusal(parquet_of(["a" * MIB] * 17, "zstd(3)"), "train.parquet")
    assert "the limit for" in said


def test_the_rows_of_a_batch_repeat_the_dictionaries_of_all_columns_within_a_bound() -> None:
    columns = {f"c{number}": ["a" * (MIB // 4)] * 2 for number in range(60)}
    packed = parquet_with(columns, "zstd(3)")
    rows = parquet.Pages(io.BytesIO(packed)).rows_of_a_batch()
    assert len(packed) < MIB // 8
    assert rows * sum(len(texts[0]) for texts in columns.values()) <= 64 * MIB


def test_the_dictionaries_of_a_row_are_bounded() -> None:
    noise = random.Random(1).randbytes(4 * MIB).hex()  # a file of this size may unpack to 300 MiB
    columns = {"noise": [noise, ""]} | {f"c{number}": ["a" * 30 * MIB] * 2 for number in range(9)}
    said = refusal(parquet_with(columns, "zstd(3)"), "train.parquet")
    assert f"dictionaries of a row group unpack to more than {256 * MIB} bytes" in said


@pytest.mark.parametrize("compression", ["zstd(3)", "gzip(6)", "snappy", "lz4_raw", "uncompressed"])
def test_a_list_that_repeats_a_long_entry_of_a_dictionary_is_refused(
    compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = Array(["a" * 60_000, "b"] * 500, DataType.string())
    lists = list_array(Array.from_numpy(np.array([0, len(texts)], dtype=np.int32)), texts)
    out = io.BytesIO()
    write_parquet(Table.from_pydict({"prompt": lists}), out, compression=compression)
    # Made smaller for the test, because the writer must hold the whole list: 1000 values of 60,000 bytes.
    monkeypatch.setattr(parquet, "_LIST_BYTES", 60_000_000)
    assert parquet.Pages(out).rows_of_a_batch() > 1
    monkeypatch.setattr(parquet, "_LIST_BYTES", 60_000_000 - 1)
    assert "many values refer to long entries" in refusal(out.getvalue(), "train.parquet")


def test_a_cut_or_senseless_footer_of_parquet_is_refused() -> None:
    whole = parquet_of(["a"], "snappy")
    senseless = whole[:-40] + b"\xff" * 32 + whole[-8:]
    for broken in (b"", b"PAR1", whole[:-9], senseless, whole[:-8] + b"\xff" * 4 + b"PAR1"):
        assert "cannot be read as Parquet" in refusal(broken, "train.parquet")


def parquet_of(prompts: list[str], compression: str) -> bytes:
    return parquet_with({"prompt": prompts, "completion": ["b"] * len(prompts)}, compression)


def parquet_with(columns: dict[str, list[str]], compression: str) -> bytes:
    out = io.BytesIO()
    table = Table.from_pydict({name: Array(texts, DataType.string()) for name, texts in columns.items()})
    write_parquet(table, out, compression=compression)
    return out.getvalue()


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def test_a_check_stops_after_a_million_errors_and_says_so() -> None:
    report = check([b"\n" * 3 * MIB + CHAT, b"oops\n" * 10])
    assert (report.error_count, report.examples) == (3 * MIB, 1)
    assert report.notes[0].startswith("The check stopped after 3145728 errors")


def test_a_table_of_millions_of_columns_is_refused_by_its_first_line() -> None:
    assert "line 1: names more columns" in refusal(gzip.compress(b"a," * MIB + b"a\n"), "train.csv.gz")


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        "<row r='1048576'><c r='XFD1048576'><v>1</v></c></row>",
        "<row><c\nr = 'xfd1048576'><v>1</v></c></row>",
        '<row r="1">' + "<c><v>1</v></c>" * 20_000 + '</row><row r="9999"><c><v>1</v></c></row>',
        '<row s="<row>" r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        "<row><!--</row>-->" + "<c><v>1</v></c><!--<row>-->" * 5_000 + "</row><row r='1048576'><c/></row>",
    ],
)
def test_a_sheet_with_a_cell_far_away_is_refused_before_its_cells_are_allocated(rows: str) -> None:
    said = refusal(workbook(rows), "train.xlsx")
    assert "cells, including empty ones" in said or "not well-formed" in said


def test_a_workbook_is_bounded_by_what_was_sent() -> None:
    said = refusal(workbook(" " * 17 * MIB), "train.xlsx")
    assert f"unpacks to more than {16 * MIB} bytes" in said


def test_cells_of_a_workbook_cannot_repeat_a_long_text_without_bound() -> None:
    header = "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in ("question", "answer"))
    text, refers = f"<si><r><t>{'a' * MIB}</t></r><r><t>b</t></r></si>", '<c t="s"><v> 0 </v></c>'
    short = workbook(f"<row>{header}</row>" + f"<row>{refers * 2}</row>" * 3, text)
    assert len(b"".join(converted(short, "train.xlsx"))) > 6 * MIB
    said = refusal(workbook(f"<row>{header}</row>" + f"<row>{refers * 2}</row>" * 64, text), "train.xlsx")
    assert f"cells have more than {128 * MIB} characters" in said


def test_character_references_in_a_workbook_take_the_memory_of_the_text_alone() -> None:
    texts = f"<si><t>{'&#x4e2d;' * 500_000}</t></si>"
    tracemalloc.start()
    said = refusal(workbook('<row><c t="s"><v>0</v></c></row>' * 2, texts), "train.xlsx")
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "No training columns" in said
    assert peak_bytes < 30 * MIB


def test_a_workbook_with_many_parts_is_refused_before_they_are_read() -> None:
    out = io.BytesIO(workbook(""))
    with zipfile.ZipFile(out, "a") as packed:
        for number in range(10_000):
            packed.writestr(str(number), "")
    assert "more than 10000 parts" in refusal(out.getvalue(), "train.xlsx")


def test_shared_texts_of_a_workbook_must_be_well_formed() -> None:
    broken = workbook('<row><c t="s"><v>0</v></c></row>', "<oops></wrong><x:si><t>question</t></x:si>")
    assert "not well-formed" in refusal(broken, "train.xlsx")
