"""What is worth a warning, and what is not."""

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.dataset.check.checker import check
from service.dataset.report import CheckReport
from service.dataset.warnings.finder import WarningFinder
from service.dataset.warnings.found import CODES, MAX_LISTED_EACH
from service.dataset.warnings.keys import KeyTable
from service.dataset.warnings.scan import scan
from tests.dataset.examples import chat, jsonl
from tests.dataset.test_check_properties import files, line

CHANCE = random.Random(3)
WORDS = ("tea", "leaf", "water", "pot", "cup", "kettle", "steam", "garden", "mountain", "spring", "oolong")


def prose(words: int = 60) -> str:
    return " ".join(f"{CHANCE.choice(WORDS)}{CHANCE.randrange(50)}" for _ in range(words))


PROSE = [chat(prose(), prose()) for _ in range(60)]


def watched(examples: list[Any], *as_errors: str, **more: Any) -> CheckReport:
    finder = WarningFinder(frozenset(as_errors))
    return check([jsonl(examples)], finder=finder, threads=1, **more)


def said(examples: list[Any], code: str) -> list[tuple[int | None, str, str]]:
    return [(one.line, one.path, one.message) for one in watched(examples).warnings if one.code == code]


def test_ordinary_conversations_give_no_warning() -> None:
    assert watched(PROSE).warnings == []


def test_a_repeated_example_names_the_line_it_repeats() -> None:
    found = said([*PROSE, PROSE[3], PROSE[3]], "duplicate")
    assert found == [(61, "", "repeats line 4"), (62, "", "repeats line 4")]


def test_an_example_with_a_word_changed_is_nearly_the_same() -> None:
    changed = json.loads(json.dumps(PROSE[7]).replace("tea", "TEA", 1).replace("garden", "yard", 1))
    assert said([*PROSE, changed], "near_duplicate") == [(61, "", "is nearly the same as line 8")]


def test_what_all_examples_share_does_not_make_them_alike() -> None:
    opening = prose(200)
    assert said([chat(prose(), prose(), opening) for _ in range(60)], "near_duplicate") == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("my key is sk-proj-abcdefghijklmnopqrstuvwx ok", "sk-p… (32 characters)"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIA… (20 characters)"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "----… (31 characters)"),
        ("use postgres://bob:hunter2@db/x", "postgres://…:…@"),
        ("ghp_" + "a1B2" * 9, "ghp_… (40 characters)"),
    ],
)
def test_secrets_are_found_and_masked(text: str, shown: str) -> None:
    assert said([*PROSE, chat(text, prose())], "secret") == [
        (61, "messages[0].content", f"seems to contain a secret: {shown}")
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("write to bob.smith@mail.example.org!", "an e-mail address: b…@m….org"),
        ("call +49 170 1234567 now", "a phone number: …67"),
        ("call (415) 555-2671", "a phone number: …71"),
        ("电话13812345678。", "a phone number: …78"),
        ("card 4111 1111 1111 1111", "a card number: …11"),
    ],
)
def test_personal_data_is_found_and_masked(text: str, shown: str) -> None:
    ((line, path, message),) = said([*PROSE, chat(prose(), text)], "personal_data")
    assert (line, path, message) == (61, "messages[1].content", f"seems to contain {shown}")


@pytest.mark.parametrize(
    "harmless",
    [
        "version 1.2.3.4, 2024-01-31 10:00:00, ISBN 978-3-16-148410-0",
        "order 1234567890123456, hash deadbeef1234567890abcdef",
        "a < b && c > d; List<String>; if (x<y) z",
        "https://example.com:8080/path and user@host",
        "sk-short, the C:\\\\u0007 path",
        "R&D; AT&T",
    ],
)
def test_what_only_looks_so_is_left_alone(harmless: str) -> None:
    assert watched([*PROSE, chat(harmless, prose())]).warnings == []


def test_leftover_markup_and_control_characters_are_found() -> None:
    dirty = [chat("<p>hi</p>", "a&nbsp;b"), chat("bell\x07", prose()), chat("c1\x85", prose())]
    assert [line for line, _, _ in said([*PROSE, *dirty], "html")] == [61]
    assert [line for line, _, _ in said([*PROSE, *dirty], "control_characters")] == [62, 63]
    escaped = jsonl(PROSE) + json.dumps(chat("\u003cdiv\u003e")).replace("<", "\\u003c").encode() + b"\n"
    assert check([escaped], finder=WarningFinder()).warning_counts == {"html": 1}


def test_labels_that_are_rare_or_few_are_told() -> None:
    labelled = [chat(prose(), "spam" if number % 20 else "ham") for number in range(60)]
    assert "'spam' is the answer 57 times, 'ham' 3 times" in said(labelled, "label_imbalance")[0][2]
    assert "60 examples teach 2 labels" in said(labelled, "few_examples_per_label")[0][2]


def test_differing_and_missing_system_prompts_are_told() -> None:
    opened = [chat(prose(), prose(), "Be kind." if number else "Be curt.") for number in range(30)]
    found = [message for _, _, message in said([*opened, *PROSE], "system_prompts_differ")]
    assert found == [
        "60 of 90 examples have no system prompt.",
        "There are 2 system prompts; the most common one opens 29 examples.",
    ]


def test_mixed_languages_are_told() -> None:
    chinese = [chat("请问这种茶应该怎么泡才好喝？", "水温不要太高，时间不要太长。") for _ in range(30)]
    english = [chat("How do I make the tea that you have?", "It is best to use the water of the day.")] * 30
    assert "Chinese" in said([*chinese, *english], "mixed_languages")[0][2]


def test_examples_over_a_limit_are_told_with_what_is_lost() -> None:
    finder = WarningFinder(limits=frozenset({100}))
    found = check([jsonl(PROSE)], finder=finder, limits=[100])
    (warning,) = found.warnings
    assert (warning.code, warning.message.split()[0]) == ("truncated", "60")
    assert str(found.truncation[0].tokens_lost) in warning.message


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        (lambda one: (f"{prose()} {one}", f" tea {one} END"), "missing_separator"),
        (lambda one: (f"{prose()} ->", f" tea {one}"), "missing_stop"),
        (lambda one: (f"{prose()} ->", f"tea {one} END"), "missing_space"),
        (lambda one: (f"a -> {prose()} ->", f" tea {one} END"), "separator_in_prompt"),
    ],
)
def test_pairs_are_held_to_their_marks(pair: Any, code: str) -> None:
    examples = [dict(zip(("prompt", "completion"), pair(one), strict=True)) for one in range(30)]
    assert {warning.code for warning in watched(examples).warnings} == {code}


def test_a_preference_for_nothing_is_told() -> None:
    reply = [{"role": "assistant", "content": "Tea."}]
    asked = [{"input": {"messages": [{"role": "user", "content": prose()}]}} for _ in range(12)]
    same = [one | {"preferred_output": reply, "non_preferred_output": reply} for one in asked]
    assert len(said(same, "same_outputs")) == 12


def test_policy_makes_errors_of_warnings_and_tells_every_one() -> None:
    leaky = [chat(f"key sk-{'a' * 24}{one}", prose()) for one in range(130)]
    found = watched(leaky, "secret")
    assert (found.error_count, len(found.errors), found.passed) == (130, 100, False)
    assert "secret" not in found.warning_counts


def test_a_kind_is_listed_up_to_a_cap_and_counted_beyond_it() -> None:
    found = watched([PROSE[0]] * 200)
    listed = [one for one in found.warnings if one.code == "duplicate"]
    assert (len(listed), found.warning_counts["duplicate"]) == (MAX_LISTED_EACH, 199)


def test_policy_may_make_errors_of_every_repeat() -> None:
    found = watched([PROSE[0]] * 2500, "duplicate")
    assert (found.error_count, len(found.errors)) == (2499, 100)
    assert str(found.errors[99]) == "line 101: repeats line 1"
    assert "duplicate" not in found.warning_counts


def test_a_full_table_thins_itself_and_still_finds_its_share() -> None:
    table = KeyTable(capacity=1000)
    keys = np.random.default_rng(1).integers(0, 2**64, 4000, np.uint64)
    for start in range(0, 4000, 100):
        lines = np.arange(start, start + 100, dtype=np.uint32)
        table.add(keys[start : start + 100], lines)
        table.add(keys[start : start + 100], lines + np.uint32(10_000))
    later, first = table.repeats()
    expected = 4000 / 2**table.level
    assert table.level >= 3
    assert expected / 2 <= len(later) <= expected * 2
    assert (later - first == 10_000).all()


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_make_a_scan_raise(data: bytes) -> None:
    list(scan(data))


@settings(max_examples=100, deadline=None)
@given(st.one_of(files, st.lists(line, min_size=20, max_size=25).map(b"\n".join)))
def test_no_file_makes_a_watch_raise(data: bytes) -> None:
    found = check([data], threads=1, finder=WarningFinder(frozenset({"duplicate"})))
    assert set(found.warning_counts) <= set(CODES)
    assert found.tokens == check([data], threads=1).tokens
