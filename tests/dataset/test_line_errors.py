"""What the errors and warnings of a line say: the cause, and the way out."""

import json
import re

import pytest

from tests.dataset.examples import chat, chats, jsonl
from tests.dataset.uploads import uploaded

USER = {"role": "user", "content": "Hi"}
YES, NO = ({"role": "assistant", "content": text} for text in ("Yes", "No"))
LINE = json.dumps(chat())


def bad_line(line: str) -> bytes:
    """A file whose last line is wrong."""
    return jsonl(chats(12)) + line.encode() + b"\n"


BAD_LINES = {
    LINE.replace('"', "“", 1): "line 13: is not JSON at column 2: “ is a curly quote; write a straight one",
    LINE.replace('"', "'"): "line 13: is not JSON at column 2: strings and names need double quotes",
    LINE + ",": "line 13: is not JSON at column .*: a comma follows the value; remove it",
    LINE
    + LINE: "line 13: is not JSON at column .*: another value begins here; write one JSON object on each",
    '{"prompt": null, "completion": "a"}': "line 13",
    LINE[:-1] + ', "x": 1e999}': "line 13",
    LINE[:-1] + ', "x": ' + "9" * 5000 + "}": "line 13: has a number with thousands of digits",
    "- messages:": "line 13: is not JSON at column 1: expected a JSON object, which starts with '{'",
    json.dumps(chat()["messages"]): 'got an array; write the messages as {"messages": .*}',
    LINE[:-1] + ', "messages": []}': "line 13: has the field 'messages' twice in one object",
    LINE[:-1] + ',"messages" : []}': "line 13: has the field 'messages' twice in one object",
    LINE[:-1] + ',"messages"\r: []}': "line 13: has the field 'messages' twice in one object",
    LINE.replace('"content": "Four."', '"content": "4", "content": "5"'): "has the field 'content' twice",
    LINE.replace('"content": "Four."', '"content": "4", "content" : "5"'): "has the field 'content' twice",
    LINE.replace('"content": "Four."', '"content": "4", "content"  \t: "5"'): "has the field 'content' twice",
    LINE.replace("What", r"\"content\":").replace('"Four."', '"4", "content": "5"'): "field 'content' twice",
}


@pytest.mark.parametrize("line", BAD_LINES)
def test_an_error_of_a_line_names_its_cause(line: str) -> None:
    report, _ = uploaded(bad_line(line), "a.jsonl")
    assert report.error_count == 1
    assert report.errors[0].line == 13

    assert re.search(BAD_LINES[line].replace("{", r"\{"), str(report.errors[0]))


@pytest.mark.parametrize("spaced", ["", " ", "  ", "\t", "\r"])
def test_a_null_field_is_removed_however_its_name_is_written(spaced: str) -> None:
    report, stored = uploaded(bad_line(LINE.replace("}]", f', "weight"{spaced}: null}}]')), "a.jsonl")
    assert (report.error_count, b"weight" in stored) == (0, False)


@pytest.mark.parametrize("tail", ["“a”: 1}", "'a': 1}", "NaN}"])
def test_lines_that_all_fail_alike_are_one_error_with_a_count(tail: str) -> None:
    report, _ = uploaded(b"{" + tail.encode() + b"\n" + (b"{" + tail.encode() + b"\n") * 29, "a.jsonl")
    assert report.error_count == 31
    assert ["(30 such errors)" in error.message for error in report.errors] == [True, False]


def test_a_prompt_file_without_references_says_what_it_was_taken_for_and_how_to_choose() -> None:
    report, _ = uploaded(jsonl([{"messages": [USER]}] * 30), "a.jsonl")
    assert [error.message for error in report.errors] == [
        "has no assistant message; add one for the model to learn (30 such errors). The file was read as "
        "chat because its examples have 'messages' and no fields for a grader. If that is wrong, upload the "
        "file again with the form field 'format'."
    ]
    assert uploaded(jsonl([{"messages": [USER]}] * 30), "a.jsonl", "reinforcement")[0].passed


def test_a_file_of_another_kind_is_told_its_own_fields() -> None:
    report, _ = uploaded(jsonl([{"custom_id": "1", "body": {}}] * 12), "a.jsonl")
    assert "The first has the fields 'custom_id', 'body'." in report.errors[0].message


@pytest.mark.parametrize("escaped", [r"ann\u0040example.com", r"\u0061nn@ex\u0061mple.com"])
def test_personal_data_behind_escapes_is_found(escaped: str) -> None:
    report, _ = uploaded(LINE.replace("Four.", escaped).encode(), "a.jsonl")
    assert report.warning_counts["personal_data"] == 1


def test_an_answer_that_a_models_limit_cuts_off_whole_has_a_warning_of_its_own() -> None:
    cut, left = chat("so " * 70_000, "Yes"), chat("Why?", "so " * 70_000)
    assert uploaded(jsonl([cut]), "a.jsonl")[0].warning_counts["nothing_left"] == 1
    assert "nothing_left" not in uploaded(jsonl([left]), "a.jsonl")[0].warning_counts
