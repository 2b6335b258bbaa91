"""What other forms become, apart from any process."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from arro3.core import Array, DataType, Table
from arro3.io import infer_json_schema, read_json, write_parquet
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from service.dataset.check.checker import check
from service.dataset.convert.clean import without_control, without_html
from service.dataset.convert.pipeline import Conversion, Options
from service.dataset.convert.problems import Unreadable
from service.dataset.convert.sources import source_of
from service.dataset.convert.unpack import Packing, unpacked
from tests.dataset.examples import chat, chats, jsonl


def convert(data: bytes, filename: str, **options: Any) -> list[Any]:
    pieces = [data[start : start + 7] for start in range(0, len(data), 7)]
    out = b"".join(Conversion(pieces, source_of(filename), len(data), Options(**options)))
    return [json.loads(line) for line in out.splitlines()]


def table(rows: list[list[str]], delimiter: str = ",") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode()


def parquet(**columns: Array) -> bytes:
    out = io.BytesIO()
    write_parquet(Table.from_pydict({**columns}), out)
    return out.getvalue()


TEXT = DataType.string()


@pytest.mark.parametrize(
    ("filename", "jsonl_name", "ready"),
    [
        ("a.jsonl", "a.jsonl", True),
        ("a", "a", True),
        ("a.CSV", "a.jsonl", False),
        ("a.b.tsv.gz", "a.b.jsonl", False),
        ("a.jsonl.zst", "a.jsonl", False),
        ("a.parquet", "a.jsonl", False),
    ],
)
def test_a_name_says_what_a_file_is(filename: str, jsonl_name: str, ready: bool) -> None:
    source = source_of(filename)
    assert (source.jsonl_name, source.is_jsonl) == (jsonl_name, ready)


@pytest.mark.parametrize(
    ("header", "row", "example"),
    [
        (["user", "assistant"], ["hi", "ho"], chat("hi", "ho")),
        (["system", "question", "answer"], ["be", "hi", "ho"], chat("hi", "ho", "be")),
        (["instruction", "input", "output"], ["add", "1 2", "3"], chat("add\n\n1 2", "3")),
        (["prompt", "completion"], ["a ->", " b"], {"prompt": "a ->", "completion": " b"}),
        (["messages"], [json.dumps(chat()["messages"])], chat()),
        (
            ["prompt", "chosen", "rejected"],
            ["hi", "yes", "no"],
            {
                "input": {"messages": [{"role": "user", "content": "hi"}]},
                "preferred_output": [{"role": "assistant", "content": "yes"}],
                "non_preferred_output": [{"role": "assistant", "content": "no"}],
            },
        ),
    ],
)
def test_named_columns_become_examples(header: list[str], row: list[str], example: Any) -> None:
    assert convert(table([header, row]), "a.csv") == [example]
    assert convert(b"\xef\xbb\xbf" + table([header, row], "\t"), "a.tsv") == [example]


def test_columns_may_be_named_by_the_caller() -> None:
    data = table([["frage", "antwort"], ["Wie?", "So."]])
    assert convert(data, "a.csv", columns={"user": "frage", "assistant": "antwort"}) == [chat("Wie?", "So.")]


def test_a_table_of_prompts_and_references_is_reinforcement_data_when_asked() -> None:
    made = convert(table([["user", "reference"], ["2+2?", "4"]]), "a.csv", to="reinforcement")
    assert made == [{"messages": [{"role": "user", "content": "2+2?"}], "reference": "4"}]


def test_cells_may_hold_newlines_quotes_and_any_script() -> None:
    cells = ['第一行\r\n"第二行",', "ответ\n"]
    assert convert(table([["user", "assistant"], cells]), "a.csv") == [chat(*cells)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"colour,size\nred,4\n", "The file has 'colour', 'size'"),
        (b"user,assistant\na\n", "line 2: has 1 columns"),
        (b"user,user\na,b\n", "line 1"),
        (b'user,assistant\n"a,b\n', "line 2"),
        (b"user,assistant\n\xff,b\n", "not UTF-8"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(data: bytes, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        convert(data, "a.csv")


def test_parquet_of_texts_and_of_nested_messages() -> None:
    assert convert(parquet(prompt=Array(["a"], TEXT), completion=Array(["b"], TEXT)), "a.parquet") == [
        {"prompt": "a", "completion": "b"}
    ]
    rows = jsonl([chat("hi", "ho"), chat("he", "hu", name="ann")])
    out = io.BytesIO()
    schema = infer_json_schema(io.BytesIO(rows))
    write_parquet(read_json(io.BytesIO(rows), schema), out)
    assert convert(out.getvalue(), "a.parquet") == [json.loads(line) for line in rows.splitlines()]


@pytest.mark.parametrize("data", [b"", b"PAR1 nonsense PAR1", b"\x00" * 100])
def test_what_is_no_parquet_says_so(data: bytes) -> None:
    with pytest.raises(Unreadable, match="Parquet"):
        convert(data, "a.parquet")


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("zst", zstd.compress)])
def test_packed_files_are_unpacked(ending: str, pack: Any) -> None:
    data = jsonl(chats(500))
    packed = pack(data[:999]) + pack(data[999:])
    assert convert(packed, f"a.jsonl.{ending}") == [json.loads(line) for line in data.splitlines()]
    for broken in (packed[:-5], b"no", b""):
        with pytest.raises(Unreadable):
            convert(broken, f"a.jsonl.{ending}")


@pytest.mark.parametrize(("packing", "pack"), [(Packing.GZIP, gzip.compress), (Packing.ZSTD, zstd.compress)])
def test_a_bomb_is_refused_at_the_limit(packing: Packing, pack: Any) -> None:
    seen: list[int] = []
    pieces = unpacked([pack(bytes(2**26))], packing, 2**22)
    with pytest.raises(Unreadable, match="limit"):
        seen.extend(map(len, pieces))
    assert max(seen) <= 2**20
    assert sum(seen) <= 2**22


@settings(deadline=None)
@given(st.lists(st.binary(max_size=50)), st.sampled_from([Packing.GZIP, Packing.ZSTD]))
def test_no_bytes_make_unpacking_fail_otherwise(chunks: list[bytes], packing: Packing) -> None:
    def pieces() -> Iterator[bytes]:
        try:
            yield from unpacked(chunks, packing, 1000)
        except Unreadable:
            return

    assert sum(map(len, pieces())) <= 1000


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["csv", "tsv", "jsonl", "parquet"]))
def test_no_bytes_make_a_conversion_fail_otherwise(data: bytes, ending: str) -> None:
    options = Options(to="completion", clean_html=True, clean_control=True)
    try:
        made = b"".join(Conversion([data], source_of(f"a.{ending}"), len(data), options))
    except Unreadable:
        return
    check([made], threads=1)


def test_pairs_become_chats_without_their_marks() -> None:
    pairs = [{"prompt": "Name a tea.\n\n###\n\n", "completion": " Oolong END"}]
    assert convert(jsonl(pairs), "a.jsonl", to="chat", system="Short.") == [
        chat("Name a tea.", "Oolong", "Short.")
    ]


def test_a_chat_becomes_a_pair_for_each_reply_that_is_trained() -> None:
    messages = [*chat("One?", "1", "Count.")["messages"], *chat("Two?", "2")["messages"]]
    assert convert(jsonl([{"messages": messages}]), "a.jsonl", to="completion", separator="=>", stop="#") == [
        {"prompt": "Count.\n\nOne?=>", "completion": " 1#"},
        {
            "prompt": "System: Count.\n\nUser: One?\n\nAssistant: 1\n\nUser: Two?\n\nAssistant:=>",
            "completion": " 2#",
        },
    ]


def test_there_and_back_again_is_the_same_chat() -> None:
    there = Conversion([jsonl(chats(20))], source_of("a.jsonl"), 0, Options(to="completion"))
    back = Conversion(there, source_of("a.jsonl"), 0, Options(to="chat"))
    assert b"".join(back) == b"".join(
        Conversion([jsonl(chats(20))], source_of("a.jsonl"), 0, Options(to="chat"))
    )


def test_what_has_no_counterpart_stays_for_the_check_to_name() -> None:
    odd = chat(tool_calls=[])
    assert convert(jsonl([odd]) + b"oops\n"[:0], "a.jsonl", to="completion") == [odd]
    made = b"".join(
        Conversion([jsonl(chats(10)), b"oops\n"], source_of("a.jsonl"), 0, Options(to="completion"))
    )
    assert [error.line for error in check([made]).errors] == [11]


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("<p>Hello <b>you</b></p><br/>there", "Hello you\n\nthere"),
        ("a < b and c > d", "a < b and c > d"),
        ("List<String> x; <thinking>hm</thinking>", "List<String> x; <thinking>hm</thinking>"),
        ('<a href="https://example.com?a=1&amp;b=2">tea</a> &amp; cake&nbsp;!', "tea & cake !"),
        ("<script>alert(1)</script><!-- no -->yes", "yes"),
    ],
)
def test_html_is_taken_out(dirty: str, clean: str) -> None:
    assert without_html(dirty) == clean


def test_control_characters_are_taken_out() -> None:
    assert without_control("a\x00b\x1b[31m\tc\r\nd\u202ee\ufeff👩\u200d👧") == "ab[31m\tc\nde👩\u200d👧"


def test_cleaning_leaves_names_ids_and_definitions_alone() -> None:
    dirty = chat("<i>hi</i>\x07", "<b>ho</b>") | {"tools": [{"name": "<b>"}]}
    assert convert(jsonl([dirty]), "a.jsonl", clean_html=True, clean_control=True) == [
        chat("hi", "ho") | {"tools": [{"name": "<b>"}]}
    ]
