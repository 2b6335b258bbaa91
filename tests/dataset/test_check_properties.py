"""What holds for every file whatsoever."""

import json
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from service.dataset.check.checker import check
from service.dataset.lines import batches
from service.dataset.report import percentile
from tests.dataset.examples import chat, jsonl

# JSON that is nearly an example, so that the rules behind the schema are reached too.
words = st.sampled_from(
    ["messages", "role", "content", "user", "assistant", "tool", "tools", "weight", "name"]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | st.text(), inner, max_size=4),
    max_leaves=12,
)
contents = st.text(max_size=20) | st.none() | json_values
message = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool", "function"]), "content": contents},
    optional={
        "name": st.text(max_size=5),
        "weight": json_values,
        "tool_calls": json_values,
        "tool_call_id": words,
    },
)
example = st.fixed_dictionaries({"messages": st.lists(message, max_size=5)}, optional={"tools": json_values})
pair = st.fixed_dictionaries({"prompt": contents, "completion": contents})
preference = st.fixed_dictionaries(
    {
        "input": st.fixed_dictionaries({"messages": st.lists(message, max_size=3)}) | json_values,
        "preferred_output": st.lists(message, max_size=2) | json_values,
        "non_preferred_output": st.lists(message, max_size=2),
    }
)
reinforcement = st.fixed_dictionaries(
    {"messages": st.lists(message, max_size=3), "answer": json_values}, optional={"tools": json_values}
)
line = st.one_of(
    st.binary(max_size=60),
    json_values.map(lambda value: json.dumps(value).encode()),
    example.map(lambda value: json.dumps(value).encode()),
    st.one_of(pair, preference, reinforcement).map(lambda value: json.dumps(value).encode()),
    st.just(json.dumps(chat()).encode()),
)
files = st.lists(line, max_size=8).map(b"\n".join)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=5))
def test_no_bytes_make_a_check_raise(chunks: list[bytes]) -> None:
    check(chunks, threads=1)


@settings(max_examples=200, deadline=None)
@given(files)
def test_nothing_nearly_right_makes_a_check_raise(data: bytes) -> None:
    found = check([data], threads=1)
    assert found.valid_examples <= found.examples


@settings(deadline=None)
@given(files, st.integers(1, 40))
def test_how_the_bytes_are_cut_into_chunks_does_not_matter(data: bytes, size: int) -> None:
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert check(chunks, threads=1) == check([data], threads=1)


@settings(deadline=None)
@given(files, st.integers(1, 30))
def test_lines_survive_batching(data: bytes, batch_bytes: int) -> None:
    chunks = [data[start : start + 7] for start in range(0, len(data), 7)]
    lines = [line for batch in batches(chunks, batch_bytes) for line in batch.lines]
    whole = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    assert lines == (whole[:-1] if whole[-1] == b"" else whole)


@settings(deadline=None)
@given(st.lists(example, max_size=6), st.lists(example, max_size=6))
def test_a_concatenation_is_the_sum_of_its_parts(first: list[Any], second: list[Any]) -> None:
    parts = [jsonl_of(first), jsonl_of(second)]
    one, two = (check([part], format_name="chat", threads=1) for part in parts)
    both = check(parts, format_name="chat", threads=1)
    assert both.examples == one.examples + two.examples
    assert both.tokens.total == one.tokens.total + two.tokens.total
    assert both.tokens.trained == one.tokens.trained + two.tokens.trained
    by_line = {(error.line, error.path, error.code) for error in both.errors if error.line}
    shifted = {((error.line + one.examples), error.path, error.code) for error in two.errors if error.line}
    assert by_line == {(error.line, error.path, error.code) for error in one.errors if error.line} | shifted


def jsonl_of(examples: list[Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in examples)


@settings(deadline=None)
@given(st.lists(st.integers(0, 500), min_size=1), st.sampled_from([0.5, 0.95, 0.99]))
def test_percentiles_are_by_nearest_rank(lengths: list[int], share: float) -> None:
    found = percentile(Counter(lengths), share)
    assert sum(length <= found for length in lengths) >= share * len(lengths)
    assert sum(length < found for length in lengths) < share * len(lengths)


def test_truncation_tells_what_a_limit_costs() -> None:
    found = check([jsonl([chat("word " * 200)] * 10 + [chat()] * 10)], limits=[100])
    (cut,) = found.truncation
    assert (cut.limit, cut.examples) == (100, 10)
    assert cut.tokens_lost == 10 * (found.tokens.max - 100)
