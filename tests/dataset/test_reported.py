"""A corpus of small files in the shapes that people report, each with what must become of it."""

import io
import json
from itertools import product
from typing import Any

import pytest
from arro3.core import DataType, Field, Schema
from arro3.io import read_json, write_parquet
from hypothesis import given, settings
from hypothesis import strategies as st

from service.dataset.convert.problems import Unreadable
from tests.dataset.containers import CONTAINERS, as_csv, as_parquet, as_xlsx
from tests.dataset.examples import chat, jsonl
from tests.dataset.uploads import examples, uploaded

USER = {"role": "user", "content": "Hi"}
YES, NO = ({"role": "assistant", "content": text} for text in ("Yes", "No"))


def typed_parquet(kind: DataType, value: str) -> bytes:
    """One question with an answer of a type that JSON lacks."""
    schema = Schema([Field("question", DataType.string()), Field("answer", kind)])
    out = io.BytesIO()
    write_parquet(read_json(io.BytesIO(b'{"question": "Hi", "answer": %s}\n' % value.encode()), schema), out)
    return out.getvalue()


def pair(question: Any, answer: Any) -> dict[str, Any]:
    return {"question": question, "answer": answer}


ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
TEXTS = {name: CONTAINERS[name] for name in ("a.jsonl", "array.json", "pretty.jsonl", "a.csv", "a.tsv")}


@pytest.mark.parametrize("container", TEXTS)
def test_each_encoding_and_line_end_gives_the_same_examples(container: str) -> None:
    rows = [pair("Was heißt 茶?", "Tee"), pair("Et « ça » ?", "Oui")]
    made = [chat(row["question"], row["answer"]) for row in rows]
    text = TEXTS[container](rows).decode()
    for encoding, end in product(ENCODINGS, ("\n", "\r\n", "\r")):
        sent = text.replace("\r\n", "\n").replace("\n", end).encode(encoding)
        assert examples(sent, container) == made, (encoding, end)


UNDERSTOOD: dict[str, tuple[bytes, str, list[Any]]] = {
    "CSV under another name": (as_csv([pair("Hi", "Yes")]), "data.txt", [{"messages": [USER, YES]}]),
    "a semicolon CSV with commas inside": (
        b'"question";"answer"\n"a;b";"c, d"\n',
        "a.csv",
        [chat("a;b", "c, d")],
    ),
    "headers with blanks, in any case": (
        "\ufeff Question , ANSWER \nHi,Yes\n".encode(),
        "a.csv",
        [{"messages": [USER, YES]}],
    ),
    "a number as an answer": (as_xlsx([["question", "answer"], ["Hi", 3]]), "a.xlsx", [chat("Hi", "3")]),
    "messages as JSON in a workbook": (
        as_xlsx([["messages"], [json.dumps([USER, YES])]]),
        "a.xlsx",
        [{"messages": [USER, YES]}],
    ),
    "an SDK's dump of an answer": (
        jsonl(
            [
                {
                    "messages": [
                        USER | {"name": None},
                        YES
                        | dict.fromkeys(("refusal", "audio", "function_call", "tool_calls", "weight"))
                        | {"annotations": []},
                    ],
                    "tools": None,
                    "metadata": None,
                }
            ]
        ),
        "a.jsonl",
        [{"messages": [USER, YES]}],
    ),
    "pandas' index as a first column": (
        b",question,answer\n0,Hi,Yes\n",
        "a.csv",
        [{"messages": [USER, YES]}],
    ),
    "messages and tools as JSON in texts": (
        jsonl([{"messages": json.dumps([USER, YES]), "tools": "[]"}]),
        "a.jsonl",
        [{"messages": [USER, YES], "tools": []}],
    ),
    "a field that only later rows have": (
        jsonl([pair("Hi", "Yes"), pair("Hi", "Yes") | {"system": "Be kind."}]),
        "a.jsonl",
        [chat("Hi", "Yes"), chat("Hi", "Yes", "Be kind.")],
    ),
    "a text that only looks like a list": (
        as_csv([pair("[Hi]", "['a', 'b']")]),
        "a.csv",
        [chat("[Hi]", "['a', 'b']")],
    ),
}


@pytest.mark.parametrize("case", UNDERSTOOD)
def test_what_is_understood_becomes_the_right_example(case: str) -> None:
    data, filename, made = UNDERSTOOD[case]
    assert examples(data, filename) == made


REFUSED: dict[str, tuple[bytes, str, str]] = {
    "bytes": (typed_parquet(DataType.binary(), '"0a"'), "a.parquet", "row 1, column 'answer': holds bytes"),
    "a date": (typed_parquet(DataType.date32(), '"2024-01-02"'), "a.parquet", "'answer': holds a date"),
    "a time stamp": (
        typed_parquet(DataType.timestamp("us"), '"2024-01-02T03:04:05"'),
        "a.parquet",
        "'answer': holds a datetime",
    ),
    "a decimal": (typed_parquet(DataType.decimal128(10, 2), '"1.10"'), "a.parquet", "holds a Decimal"),
    "a fraction": (typed_parquet(DataType.float64(), "1.5"), "a.parquet", "holds a decimal number"),
    "a boolean": (as_parquet([pair("Hi", True)]), "a.parquet", "'answer': holds true or false"),
    "SQuAD's answers": (
        jsonl([pair("Who?", {"text": ["She"], "answer_start": [1]})]),
        "a.jsonl",
        "value 1, column 'answer': holds an object",
    ),
    "SQuAD's own names": (
        as_parquet([{"question": "Who?", "answers": {"text": ["She"]}}]),
        "a.parquet",
        "No training columns found. The file has 'answers', 'question'",
    ),
    "a nested struct": (
        as_parquet([pair({"a": {"b": 1}}, "Yes")]),
        "a.parquet",
        "'question': holds an object",
    ),
    "Python's notation of messages": (
        as_csv([{"prompt": str([USER]), "completion": str([YES])}]),
        "a.csv",
        "line 2, column 'prompt': holds a list in Python's notation",
    ),
    "Python's notation in a column of messages": (
        as_csv([{"messages": str([USER, YES])}]),
        "a.csv",
        "line 2, column 'messages': is not JSON at column 3: strings and names need double quotes",
    ),
    "curly quotes in a cell of messages": (
        as_csv([{"messages": json.dumps([USER, YES]).replace('"', "”")}]),
        "a.csv",
        "column 'messages': is not JSON at column 3: ” is a curly quote",
    ),
    "a field twice in a cell of messages": (
        as_csv([{"messages": '[{"role": "user", "content": "a", "content": "b"}]'}]),
        "a.csv",
        "column 'messages': has the field 'content' twice",
    ),
    "KTO's labels": (
        jsonl([{"prompt": [USER], "completion": [YES], "label": True}]),
        "a.jsonl",
        r"column 'label': marks good and bad completions \(KTO\)",
    ),
    "images in a column": (
        jsonl([{"question": "Hi", "answer": "Yes", "images": ["a.png"]}]),
        "a.jsonl",
        "column 'images': images must be in the messages",
    ),
    "a prompt that its answers do not continue": (
        jsonl([{"prompt": "Ho", "chosen": [USER, YES], "rejected": [USER, NO]}]),
        "a.jsonl",
        "column 'prompt': differs from the messages that 'chosen' begins with",
    ),
    "the same column in two cases": (
        jsonl([{"question": "Hi", "Question": "Ho", "answer": "Yes"}]),
        "a.jsonl",
        "'question' and 'Question' have the same name",
    ),
    "a quotation mark that is never closed": (
        b'question,answer\nHi,"Yes\nHo,No\n',
        "a.csv",
        "a quotation mark in the row at line 2 is never closed",
    ),
    "a damaged Parquet file": (b"PAR1 nonsense PAR1", "a.parquet", r"as Parquet: [^()]*\.$"),
    "Latin-1": ("question,answer\nä,b\n".encode("latin-1"), "a.csv", "Save the file as UTF-8"),
    "a ZIP archive": (b"PK\x03\x04 data.jsonl", "data.zip", "ZIP archive. Upload the file inside it"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_understood_is_refused_with_its_place_and_the_way_out(case: str) -> None:
    data, filename, message = REFUSED[case]
    with pytest.raises(Unreadable, match=message):
        uploaded(data, filename)


def test_references_keep_their_type_and_spelling() -> None:
    numbers = '"a": 1.10, "b": 1e5, "c": null, "d": {"e": [null, 12345678901234567890.10]}'
    row = f'{{"messages": [{{"role": "user", "content": "Hi", "name": null}}], {numbers}}}'
    for data, filename in (
        (row, "a.jsonl"),
        (f"[{row}]", "a.json"),
        (f'{{"question": "Hi", {numbers}}}', "a.jsonl"),
    ):
        stored = uploaded(data.encode(), filename, "reinforcement")[1].decode()
        assert stored.strip().replace(" ", "").endswith(numbers.replace(" ", "") + "}")
    cells = {"question": "Hi", "a": "1.10", "b": "1e5", "c": "null", "d": ""}
    (made,) = examples(as_csv([cells]), "a.csv", "reinforcement")
    assert made == {"messages": [USER], "a": "1.10", "b": "1e5", "c": "null", "d": ""}


def test_languages_that_are_not_recognised_count_in_the_whole() -> None:
    rows = [chat(f"第{n}个问题是什么意思呢？", "这是一个很长的回答。") for n in range(100)]
    rows += [chat(f"Tea number {n}", "Oolong, Assam, Keemun") for n in range(80)]
    rows += [chat(f"What is the name of the tea {n}?", "It is in the list that you have.") for n in range(20)]
    report, _ = uploaded(jsonl(rows), "a.jsonl")
    (message,) = (warning.message for warning in report.warnings if warning.code == "mixed_languages")
    shares = dict(part.rsplit(" ", 1) for part in message.rstrip(".").partition(": ")[2].split(", "))
    assert shares.keys() == {"Chinese", "not recognised", "English"}
    assert 40 <= int(shares["Chinese"].rstrip("%")) <= 60


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.dictionaries(st.sampled_from("abcd"), VALUES), min_size=1, max_size=3))
def test_references_of_any_nesting_are_the_same_from_every_json_container(rows: list[dict[str, Any]]) -> None:
    made = [{"messages": [USER]} | row for row in rows]
    for container in ("a.jsonl", "array.json", "pretty.jsonl", "utf16.jsonl", "a.jsonl.zst"):
        assert examples(CONTAINERS[container](made), container, "reinforcement") == made
        asked = [{"question": "Hi"} | row for row in rows]
        assert examples(CONTAINERS[container](asked), container, "reinforcement") == made


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(["name", "refusal", "audio", "weight", "tool_calls", "metadata"])), VALUES)
def test_nulls_anywhere_in_a_chat_are_left_out_and_other_values_are_not(names: list[str], value: Any) -> None:
    answer = YES | dict.fromkeys(set(names) - {"metadata"})
    example = {"messages": [USER, answer]} | dict.fromkeys({"metadata"} & set(names))
    assert examples(jsonl([example]), "a.jsonl") == [{"messages": [USER, YES]}]
    report, _ = uploaded(jsonl([{"messages": [USER, answer], "metadata": value}]), "a.jsonl")
    assert report.passed == (value is None)
