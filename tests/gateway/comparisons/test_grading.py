"""How answers are graded, and prompts chosen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.comparisons import prompts
from service.comparisons.grading import Grader, better, judge_messages, judged, score
from service.comparisons.tables import Verdict
from tests.support.data import chat_example, jsonl

LABELS = ("positive", "negative", "neutral")


def test_an_exact_match_ignores_the_space_around_it_and_nothing_else() -> None:
    assert score(Grader.EXACT_MATCH, " yes\n", "yes") == 1
    assert score(Grader.EXACT_MATCH, "Yes", "yes") == 0


@pytest.mark.parametrize(
    ("answer", "expected_score"),
    [
        ("positive", 1),
        ("Positive.", 1),
        ("The review is **positive**!", 1),
        ("negative", 0),
        ("positive or negative", 0),
        ("nonpositive", 0),
        ("", 0),
    ],
)
def test_a_label_counts_when_it_is_the_only_one_named(answer: str, expected_score: int) -> None:
    assert score(Grader.LABEL_ACCURACY, answer, "positive", LABELS) == expected_score


def test_labels_may_be_of_any_script() -> None:
    assert score(Grader.LABEL_ACCURACY, "「好评」", "好评", ("好评", "差评")) == 1


@given(st.text(max_size=60), st.text(max_size=60))
def test_similarity_is_a_share_and_whole_for_the_same(answer: str, expected: str) -> None:
    assert 0 <= score(Grader.STRING_SIMILARITY, answer, expected) <= 1
    assert score(Grader.STRING_SIMILARITY, answer, answer) == 1


def test_no_answer_is_worse_than_a_wrong_one() -> None:
    assert better(0.0, None) is Verdict.FIRST
    assert better(None, 0.5) is Verdict.SECOND
    assert better(None, None) is Verdict.TIE
    assert better(0.5, 0.5) is Verdict.TIE


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("A", Verdict.FIRST),
        ("b.", Verdict.SECOND),
        ("TIE", Verdict.TIE),
        ("Answer B", Verdict.SECOND),
        ("A or B", None),
        ("Hm", None),
    ],
)
def test_a_judge_is_understood_when_it_names_one(reply: str, verdict: Verdict | None) -> None:
    assert judged(reply, swapped=False) is verdict


def test_what_a_judge_says_is_turned_back_when_the_answers_were_swapped() -> None:
    messages = judge_messages("Q", "R", "one", "two", swapped=True)
    assert messages[1]["content"].index("two") < messages[1]["content"].index("one")
    assert judged("A", swapped=True) is Verdict.SECOND


def test_the_same_seed_chooses_the_same_examples() -> None:
    assert prompts.choose(1000, 200, 7) == prompts.choose(1000, 200, 7)
    assert len(prompts.choose(1000, 200, 7)) == 200
    assert prompts.choose(3, 200, 7) == {1, 2, 3}


def test_examples_are_counted_without_blank_lines_and_lose_what_only_training_needs() -> None:
    example = {
        "messages": [
            {"role": "user", "content": "Q"},
            {"role": "assistant", "content": "A", "weight": 0},
            {"role": "user", "content": "Q2"},
            {"role": "assistant", "content": "A2"},
        ]
    }
    calls = {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "tool_calls": []}]}
    content = b"\n" + jsonl([chat_example("one", "1"), example, calls])
    found = list(prompts.read([content], frozenset({2, 3})))
    assert [one.line for one in found] == [2]
    assert found[0].expected == "A2"
    assert found[0].messages[1] == {"role": "assistant", "content": "A"}
