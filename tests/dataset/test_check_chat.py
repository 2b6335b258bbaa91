"""What the checker says of chat files."""

import json
from typing import Any

import pytest

from service.dataset.check.checker import check
from service.dataset.check.error_log import MAX_LISTED
from service.dataset.problems import Problem
from service.dataset.report import CheckReport
from service.dataset.warnings.finder import WarningFinder
from tests.dataset.examples import chat, chats, jsonl

TOOL = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}


def report_of(*extra_lines: Any) -> CheckReport:
    """The report on ten good conversations followed by `extra_lines` (bytes are taken as they are)."""
    extra = b"".join(line if isinstance(line, bytes) else jsonl([line]) for line in extra_lines)
    return check([jsonl(chats(10)), extra])


def only_error(*extra_lines: Any) -> Problem:
    found = report_of(*extra_lines)
    assert found.error_count == 1, found.errors
    return found.errors[0]


def test_a_good_file_passes() -> None:
    found = report_of()
    assert (found.passed, found.format, found.examples, found.errors) == (True, "chat", 10, [])


def test_an_error_names_line_path_and_reason() -> None:
    error = only_error({"messages": [*chat()["messages"], {"role": "bob", "content": "hi"}]})
    assert str(error).startswith("line 11, messages[2].role: 'bob' is not a role")


def test_every_flaw_of_a_line_is_told() -> None:
    messages = [{"role": "user", "content": 4}, {"role": "assistant", "content": "a", "weight": 3}]
    found = report_of({"messages": messages})
    assert [(error.path, error.code) for error in found.errors] == [
        ("messages[0].content", "wrong_type"),
        ("messages[1].weight", "invalid_weight"),
    ]


@pytest.mark.parametrize(
    ("line", "path", "code"),
    [
        (b'{"messages": [\n', "", "invalid_json"),
        (b"[1]\n", "", "not_an_object"),
        (b"\xff\n", "", "not_utf8"),
        (b"NaN\n", "", "invalid_json"),
        (b"[" * 100_000 + b"\n", "", "too_deep"),
        (
            b'{"messages":[{"role":"assistant","content":"\\ud800!"}]}\n',
            "messages[0].content",
            "lone_surrogate",
        ),
        (
            b'{"messages":[{"role":"assistant","content":"\\udc00"}]}\n',
            "messages[0].content",
            "lone_surrogate",
        ),
        ({"prompt": "a", "completion": "b"}, "", "wrong_format"),
        ({"messages": []}, "messages", "empty_content"),
        ({"messages": [{"role": "user", "content": "a"}]}, "messages", "missing_assistant"),
        ({"messages": [{"content": "a"}]}, "messages[0].role", "missing_field"),
        (chat() | {"temperature": 1}, "temperature", "unknown_field"),
        (chat(mood="good"), "messages[1].mood", "unknown_field"),
        (chat(user=""), "messages[0].content", "empty_content"),
        (chat(assistant=""), "messages[1].content", "empty_content"),
        (chat(weight=0.5), "messages[1].weight", "invalid_weight"),
        (chat(weight=True), "messages[1].weight", "invalid_weight"),
        (chat() | {"tools": [TOOL | {"type": "magic"}]}, "tools[0].type", "invalid_value"),
        (chat() | {"tools": [{"type": "function"}]}, "tools[0].function", "missing_field"),
        (chat(user="x") | {"functions": []}, "functions", "empty_content"),
    ],
)
def test_each_flaw_has_a_code(line: Any, path: str, code: str) -> None:
    error = only_error(line)
    assert (error.line, error.path, error.code) == (11, path, code)


def test_a_tool_call_must_be_answered() -> None:
    messages = [
        {"role": "user", "content": "time?"},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "assistant", "content": "noon"},
    ]
    error = only_error({"messages": messages, "tools": [TOOL]})
    assert (error.path, error.code) == ("messages[1].tool_calls[0]", "unanswered_tool_call")


def test_an_answer_must_have_a_call() -> None:
    messages = [*chat()["messages"], {"role": "tool", "tool_call_id": "call_9", "content": "noon"}]
    assert only_error({"messages": messages}).code == "unknown_tool_call"


def test_a_call_may_be_the_last_thing_said() -> None:
    messages = [{"role": "user", "content": "time?"}, {"role": "assistant", "tool_calls": [CALL]}]
    assert report_of({"messages": messages, "tools": [TOOL]}).passed


def test_every_kind_of_message_is_taken() -> None:
    messages = [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "time?"}], "name": "ann"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": ""},
        {"role": "assistant", "function_call": {"name": "get_time", "arguments": "{}"}},
        {"role": "function", "name": "get_time", "content": "noon"},
        {"role": "assistant", "content": [{"type": "text", "text": "noon"}], "weight": 1},
        {"role": "assistant", "refusal": "I would rather not.", "weight": 0},
    ]
    example = {"messages": messages, "tools": [TOOL], "parallel_tool_calls": False}
    assert report_of(example).errors == []


def test_images_are_held_to_type_size_and_number() -> None:
    urls = ["data:image/gif;base64,R0lGOD", "data:image/png;base64," + "A" * 15_000_000, "file:///etc/passwd"]
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    parts += [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}] * 9
    found = report_of({"messages": [{"role": "user", "content": parts}, chat()["messages"][-1]]})
    assert [error.code for error in found.errors] == [
        "invalid_image",
        "image_too_large",
        "invalid_image",
        "too_many_images",
    ]


def test_fewer_than_ten_examples_can_validate_and_are_worth_a_warning() -> None:
    found = check([jsonl(chats(9))], finder=WarningFinder())
    assert found.passed
    assert found.warning_counts["too_few_examples"] == 1


def test_an_empty_file_cannot_be_trained() -> None:
    assert [error.code for error in check([b""]).errors] == ["empty_file"]


def test_a_file_of_another_kind_is_told_what_is_wanted() -> None:
    found = check([jsonl([{"question": "a"}] * 12)])
    assert [(error.line, error.code) for error in found.errors] == [(None, "unknown_format")]


def test_a_file_that_trains_nothing_is_refused() -> None:
    found = check([jsonl([chat(weight=0)] * 10)])
    assert [error.code for error in found.errors] == ["nothing_trained"]


def test_a_blank_line_matters_only_between_examples() -> None:
    good = jsonl(chats(10))
    assert check([good + b"\n \r\n\n"]).passed
    found = check([good, b"\n\n", good])
    assert [(error.line, error.code) for error in found.errors] == [(11, "blank_line"), (12, "blank_line")]


def test_a_byte_order_mark_and_windows_line_ends_are_taken() -> None:
    data = b"\xef\xbb\xbf" + jsonl(chats(10)).replace(b"\n", b"\r\n")
    assert check([data]).passed


def test_errors_are_listed_up_to_a_cap_and_counted_beyond_it() -> None:
    heard: list[Problem] = []
    found = check([b"{}\n" * 5, jsonl(chats(600)), b"oops\n" * 500], on_error=heard.append)
    assert (len(found.errors), found.error_count, len(heard)) == (MAX_LISTED, 505, 505)


@pytest.mark.parametrize(
    ("given", "format_name", "said"),
    [
        (chats(12), None, "as chat because its examples have 'messages'"),
        ([*chats(2), {"prompt": "a", "completion": "b"}], None, "because 2 of its first 3 examples have"),
        (chats(12), "chat", "as chat because its 'format' says so."),
        (chats(12), "reinforcement", "as reinforcement because its 'format' says so."),
    ],
)
def test_the_report_always_says_how_the_file_was_read_and_how_to_choose(
    given: list[dict[str, Any]], format_name: str | None, said: str
) -> None:
    [note] = check([jsonl(given)], format_name=format_name).notes
    assert said in note
    assert ("form field 'format'" in note) is (format_name is None)


def test_where_most_examples_fail_the_same_way_one_error_says_how_many() -> None:
    asked = [{"messages": [{"role": "user", "content": f"{number}?"}]} for number in range(50)]
    found = check([jsonl(asked), b"oops\n"])
    assert [error.code for error in found.errors] == ["missing_assistant", "invalid_json"]
    assert found.error_count == 51
    assert "(50 such errors)" in found.errors[0].message
    assert "read as chat because its examples have 'messages'" in found.errors[0].message
    assert "form field 'format'" in found.errors[0].message


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("{\u201cmessages\u201d: []}", "curly quote"),
        ("{'messages': []}", "double quotes"),
        ('{"messages": [', "ends before"),
        ('{"messages": [],}', "comma"),
    ],
)
def test_a_line_that_is_not_json_names_the_cause(line: str, cause: str) -> None:
    (error,) = check([jsonl(chats(10)), line.encode() + b"\n"]).errors
    assert (error.line, error.code) == (11, "invalid_json")
    assert cause in error.message


def test_nulls_and_what_sdks_add_do_not_keep_a_line_from_being_trained() -> None:
    added = {"refusal": None, "annotations": [], "audio": None, "function_call": None, "tool_calls": None}
    found = check([jsonl([*chats(10), chat(weight=None), chat(**added)])])
    assert (found.errors, found.normalised) == ([], 2)
    assert found.tokens == check([jsonl([*chats(10), chat(), chat()])]).tokens


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("get_time", '{"a": 1}', None),
        ("get_tim", "{}", "undeclared_function"),
        ("get_time", "{a: 1}", "invalid_arguments"),
        ("get_time", json.dumps(json.dumps({"a": 1})), "invalid_arguments"),
        ("get_time", "[1]", "invalid_arguments"),
    ],
)
def test_calls_that_teach_nonsense_are_warned_of(name: str, arguments: str, code: str | None) -> None:
    call = {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}
    example = chat(tool_calls=[call]) | {"tools": [TOOL]}
    found = check([jsonl([*chats(10), example])], finder=WarningFinder())
    assert found.passed
    assert found.warning_counts.get(code or "", 0) == (code is not None)
    assert not code or (found.warnings[0].line, found.warnings[0].path.split(".")[0]) == (11, "messages[1]")


def test_an_answer_that_the_limit_cuts_off_whole_is_warned_of() -> None:
    found = check(
        [jsonl([*chats(10), chat("a " * 70_000, "Yes."), chat("Hi", "a " * 70_000)])], finder=WarningFinder()
    )
    assert [cut.nothing_left for cut in found.truncation] == [1, 1, 1]
    assert found.warning_counts["nothing_left"] == 1


def test_what_the_data_brings_into_an_error_is_cut_short() -> None:
    error = only_error({"messages": [{"role": "x" * 10_000, "content": "a"}]})
    assert len(error.message) <= 300


def test_the_caller_may_say_the_format() -> None:
    found = check([jsonl(chats(10))], format_name="completion")
    assert {error.code for error in found.errors} == {"wrong_format"}


def test_a_line_beyond_any_use_is_refused_without_being_kept() -> None:
    long = (b'"' + b"x" * 2**20 for _ in range(70))
    found = check([jsonl(chats(10)), *long, b"\n" + json.dumps(chat()).encode()])
    assert [(error.line, error.code) for error in found.errors] == [(11, "line_too_long")]
    assert found.examples == 12
