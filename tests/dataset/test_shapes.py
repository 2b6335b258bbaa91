"""The shapes that people's files have, alike in Parquet, CSV, JSON, JSONL and Excel, and what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.dataset.check.checker import check
from service.dataset.convert.pipeline import Conversion, Options, source_within
from service.dataset.convert.problems import Unreadable
from service.dataset.convert.sources import Layout, source_of
from service.dataset.normalise import normalised
from tests.dataset.containers import CONTAINERS, Rows, as_csv, as_parquet, as_xlsx
from tests.dataset.examples import chat, chats, jsonl

USER, YES, NO = (
    {"role": role, "content": text}
    for role, text in (("user", "Hi"), ("assistant", "Yes"), ("assistant", "No"))
)
SYSTEM = {"role": "system", "content": "Be kind."}
TOOLS = [
    {
        "type": "function",
        "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}},
    }
]
PREFERENCE = {"input": {"messages": [USER]}, "preferred_output": [YES], "non_preferred_output": [NO]}


def convert(data: bytes, filename: str, **options: Any) -> list[Any]:
    pieces = [data[start : start + 5] for start in range(0, len(data), 5)]
    made = Conversion(pieces, source_of(filename), len(data), Options(**options))
    return [json.loads(line) for line in b"".join(made).splitlines()]


def asked(question: Any, answer: Any) -> dict[str, Any]:
    return {"question": question, "answer": answer}


def preferred(chosen: Any, rejected: Any) -> dict[str, Any]:
    return {"prompt": "x", "chosen": chosen, "rejected": rejected}


SHAPES: dict[str, tuple[dict[str, Any], Any]] = {
    "question and answer": ({"Question": "Hi", "ANSWER": "Yes"}, {"messages": [USER, YES]}),
    "alpaca": ({"instruction": "Hi", "input": "", "output": "Yes"}, {"messages": [USER, YES]}),
    "sharegpt": (
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes"}]},
        {"messages": [USER, YES]},
    ),
    "openai chat": ({"messages": [USER, YES]}, {"messages": [USER, YES]}),
    "trl prompt and completion": ({"prompt": [USER], "completion": [YES]}, {"messages": [USER, YES]}),
    "texts to complete": ({"prompt": "Hi", "completion": "Yes"}, {"prompt": "Hi", "completion": "Yes"}),
    "trl preference of texts": ({"prompt": "Hi", "chosen": "Yes", "rejected": "No"}, PREFERENCE),
    "trl preference of messages": ({"prompt": [USER], "chosen": [YES], "rejected": [NO]}, PREFERENCE),
    "ultrafeedback": ({"prompt": "Hi", "chosen": [USER, YES], "rejected": [USER, NO]}, PREFERENCE),
    "trl implicit prompt": ({"chosen": [USER, YES], "rejected": [USER, NO]}, PREFERENCE),
    "openai preference": (PREFERENCE, PREFERENCE),
    "a system prompt of its own": (
        {"system": "Be kind.", "question": "Hi", "answer": "Yes"},
        {"messages": [SYSTEM, USER, YES]},
    ),
    "a system prompt beside messages": (
        {"system": "Be kind.", "prompt": [USER], "completion": [YES]},
        {"messages": [SYSTEM, USER, YES]},
    ),
    "a system prompt beside a preference": (
        {"system": "Be kind.", "prompt": "Hi", "chosen": [USER, YES], "rejected": [USER, NO]},
        PREFERENCE | {"input": {"messages": [SYSTEM, USER]}},
    ),
    "input and output": ({"Input ": "Hi", "output": "Yes", "id": "7"}, {"messages": [USER, YES]}),
    "sharegpt with weights": (
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes", "weight": 1}]},
        {"messages": [USER, YES | {"weight": 1}]},
    ),
    "dolly": (
        {"instruction": "Hi", "context": "Rome", "response": "Yes", "category": "x"},
        {"messages": [USER | {"content": "Hi\n\nRome"}, YES]},
    ),
    "a question about a text": (
        {"question": "Hi", "context": "Rome", "answer": "Yes"},
        {"messages": [USER | {"content": "Hi\n\nRome"}, YES]},
    ),
    "a system prompt beside a chat": (
        {"system": "Be kind.", "messages": [USER, YES]},
        {"messages": [SYSTEM, USER, YES]},
    ),
    "tools beside messages": (
        {"messages": [USER, YES], "tools": TOOLS, "id": "7"},
        {"messages": [USER, YES], "tools": TOOLS},
    ),
}


def is_json_of_our_own(shape: str, container: str) -> bool:
    """Return whether JSON in this shape is checked as it is, so that a field too many is an error there."""
    return shape == "tools beside messages" and "json" in container


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_becomes_the_same_example_in_each_container(container: str, shape: str) -> None:
    row, example = SHAPES[shape]
    if is_json_of_our_own(shape, container):
        row = example
    made = convert(CONTAINERS[container]([row, row]), container)
    assert made == [example, example]
    assert check([jsonl(made)]).passed


@pytest.mark.parametrize("container", CONTAINERS)
def test_what_must_be_converted_is_recognised_by_its_first_bytes(container: str) -> None:
    data = CONTAINERS[container]([SHAPES["openai chat"][0]] * 2)
    found = source_within([data], source_of(container))
    assert found.is_jsonl == (container == "a.jsonl")
    nameless = source_within([data], source_of("upload"))
    if not found.packing and container != "utf16.csv":  # a table in UTF-16 is recognised after decoding
        as_csv_alike = {Layout.TSV: Layout.CSV}  # read alike, whatever separates the cells
        assert nameless.layout == as_csv_alike.get(found.layout, found.layout)


def test_another_shape_in_json_lines_must_be_converted_and_our_own_must_not() -> None:
    for shape, (row, example) in SHAPES.items():
        is_ours = row == example or is_json_of_our_own(shape, "a.jsonl")
        assert source_within([jsonl([row])], source_of("a.jsonl")).is_jsonl == is_ours


@pytest.mark.parametrize(
    ("data", "filename", "message"),
    [
        (as_parquet([asked("a", 1.5)]), "a.parquet", "row 1, column 'answer': holds a decimal number"),
        (as_parquet([asked("a", {"text": "b"})]), "a.parquet", "column 'answer': holds an object"),
        (as_parquet([asked("a", "b"), asked(None, "b")]), "a.parquet", "row 2, column 'question': is empty"),
        (as_xlsx([["question", "answer"], ["a", 1.5]]), "a.xlsx", "row 2, column 'answer': holds a decimal"),
        (as_csv([preferred([YES], [NO]), preferred("y", "n")]), "a.csv", "line 3, column 'chosen': is not"),
        (as_csv([{"messages": [USER, YES]}, {"messages": "oops"}]), "a.csv", "line 3.*'messages': is"),
        (as_csv([{"chosen": "Yes", "rejected": "No"}]), "a.csv", "line 2, column 'chosen': has no question"),
        (jsonl([{"prompt": "a", "completion": "b", "label": True}]), "a.jsonl", "line 1.*'label': marks"),
        (b'[{"question": "a", "answer": "b"}, {"question": "a", "answer": 1.5}]', "a.json", "value 2, col"),
        (b'[{"question": "a", "answer": "b"}, 3]', "a.json", "line 1: expected a JSON object, found '3'"),
        (b'[{"question": "a", "answer": "b"}', "a.json", "ends before its last bracket"),
        (b'[{"question": "a", "answer": \x80}]', "a.json", "not UTF-8"),
        (b"PK\x03\x04 whatever", "a.jsonl", "ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a.xlsx", "old Excel workbook"),
        (b"PK\x03\x04[Content_Types].xml", "a.xlsx", "read as an Excel workbook"),
    ],
)  # fmt: skip
def test_what_is_no_text_no_messages_and_no_json_is_refused_with_its_place(
    data: bytes, filename: str, message: str
) -> None:
    with pytest.raises(Unreadable, match=message):
        convert(data, filename)


def test_references_keep_the_type_that_the_file_gives_them() -> None:
    texts = {"user": "2+2?", "value": "1e5", "price": "1.10", "none": "null", "list": "[1]"}
    (made,) = convert(as_csv([texts]), "a.csv", to="reinforcement")
    assert made == {"messages": [{"role": "user", "content": "2+2?"}]} | {
        k: v for k, v in texts.items() if k != "user"
    }
    (made,) = convert(
        json.dumps([{"user": "a", "n": 1.5, "o": {"b": [1]}}]).encode(), "a.json", to="reinforcement"
    )
    assert made == {"messages": [{"role": "user", "content": "a"}], "n": 1.5, "o": {"b": [1]}}


def test_a_report_says_how_columns_were_read_and_which_were_not() -> None:
    made = Conversion(
        [as_csv([{"id": "1", "question": "Hi", "answer": "Yes"}])], source_of("a.csv"), 0, Options()
    )
    list(made)
    assert made.notes == [
        "Read as CSV.",
        "Columns read: 'question' as text, 'answer' as text. Not used: 'id'.",
    ]


@pytest.mark.parametrize(("indent", "line"), [(None, 3), (1, 12)])
def test_errors_in_a_json_array_name_the_value_where_there_is_only_one_line(
    indent: int | None, line: int
) -> None:
    rows = [asked("Hi", "Yes"), asked("Hi", "No"), asked("Hi", "")]
    sent = json.dumps(rows, indent=indent).encode()
    made = Conversion([sent], source_of("a.json"), len(sent), Options())
    report = check([b"".join(made)], source_lines=made.lines)
    assert [error.line for error in report.errors] == [line - 2 if indent else line]
    assert ("counts its values" in " ".join(made.notes)) is (indent is None)


def test_errors_of_a_csv_name_its_own_lines() -> None:
    rows = b'question,answer\n"a\nb",c\nd,\n' + b"".join(b"q%d,a%d\n" % (n, n) for n in range(10))
    made = Conversion([rows], source_of("a.csv"), len(rows), Options())
    report = check([b"".join(made)], source_lines=made.lines)
    assert [(error.line, error.path) for error in report.errors] == [(4, "messages[1].content")]


def test_fields_that_sdks_add_are_left_out_and_said_once() -> None:
    added = {"refusal": None, "annotations": [], "audio": None, "function_call": None, "tool_calls": None}
    made = Conversion([jsonl([*chats(3), chat(**added)])], source_of("a.jsonl"), 0, Options())
    assert [json.loads(line) for line in b"".join(made).splitlines()] == [*chats(3), chat()]
    assert made.notes == [
        "Removed fields that do not affect training from 1 examples: "
        "annotations, audio, function_call, refusal, tool_calls."
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    st.lists(
        st.dictionaries(st.text(min_size=1, max_size=5), JSON, min_size=1, max_size=3), min_size=1, max_size=4
    )
)
def test_json_is_cut_into_the_same_values_whatever_its_nesting(rows: Rows) -> None:
    wrapped = [{"messages": [USER, YES], "x": row} for row in rows]
    for indent in (None, 2):
        assert convert(json.dumps(wrapped, indent=indent).encode(), "a.json") == wrapped


@settings(deadline=None)
@given(st.lists(JSON, max_size=3), JSON)
def test_normalising_twice_changes_nothing_more(messages: list[Any], content: Any) -> None:
    example = {"messages": [*messages, {"role": "user", "content": content, "name": None}]}
    once = normalised(example, set())
    assert normalised(once, set()) == once
