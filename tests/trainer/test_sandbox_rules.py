"""The pure rules of the sandbox: what `auto` becomes, which steps are told, which prompt is closest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.engines.auto import count_steps, resolve_batch_size, resolve_epochs
from trainer.engines.sandbox.curves import MAX_EVENTS, SimulatedCurve, checkpoint_steps, event_steps
from trainer.engines.sandbox.similarity import PromptIndex


@pytest.mark.parametrize(
    ("examples", "epochs"), [(10, 10), (33, 3), (34, 3), (100, 3), (9000, 2), (25_000, 1), (60_000, 1)]
)
def test_auto_epochs_follow_the_cookbook(examples: int, epochs: int) -> None:
    assert resolve_epochs("auto", examples) == epochs
    assert resolve_epochs(7, examples) == 7


def test_auto_batch_size_is_two_in_a_thousand() -> None:
    assert [resolve_batch_size(None, n) for n in (10, 100, 5_000, 10**6)] == [1, 1, 10, 256]


@given(st.integers(10, 10**6), st.integers(1, 50), st.integers(1, 256))
def test_told_steps_are_few_and_hold_every_checkpoint(examples: int, epochs: int, batch: int) -> None:
    total = count_steps(examples, epochs, batch)
    told = event_steps(total, epochs)
    kept = checkpoint_steps(total, epochs)
    assert len(told) <= MAX_EVENTS + 3
    assert told == sorted(set(told))
    assert told[0] >= 1
    assert told[-1] == kept[-1] == total
    assert set(kept) <= set(told)
    assert len(kept) == min(3, epochs)


@given(st.integers(0, 2**31 - 1), st.integers(1, 10**6))
def test_curves_fall_and_stay_within_bounds(seed: int, total: int) -> None:
    curve = SimulatedCurve(seed, "data", total)
    assert 0 < curve.loss(total, "train") < 3
    assert 0 < curve.accuracy(curve.loss(total, "train")) <= 0.99
    assert 0 <= curve.reward(total, "train") <= 1


@pytest.mark.parametrize(
    ("question", "closest"),
    [
        ("when do you open on sunday", "When does the shop open on Sundays?"),
        ("WHERE IS MY PARCEL", "Where is my parcel?"),
        ("请问运费多少", "运费是多少？"),
        ("地址怎么改", "怎么修改收货地址？"),
        ("営業時間", "営業時間を教えてください"),
        ("배송은 얼마나", "배송은 얼마나 걸리나요?"),
    ],
)
def test_the_closest_prompt_is_found_in_any_script(question: str, closest: str) -> None:
    prompts = [
        "When does the shop open on Sundays?",
        "Where is my parcel?",
        "运费是多少？",
        "怎么修改收货地址？",
        "営業時間を教えてください",
        "배송은 얼마나 걸리나요?",
    ]
    found = PromptIndex(prompts).closest(question)
    assert found is not None
    assert prompts[found[0]] == closest


def test_a_question_that_shares_nothing_finds_nothing() -> None:
    assert PromptIndex(["one two"]).closest("三四") is None
    assert PromptIndex([]).closest("one") is None
    assert PromptIndex(["one two", "one two"]).closest("two one") == pytest.approx((0, 1.0))
