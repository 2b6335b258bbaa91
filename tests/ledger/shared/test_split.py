"""Amounts are divided in proportion, to the last micro-dollar."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ledger.shared.split import STEP, split

weights = st.lists(
    st.decimals(0, 10**12, places=6, allow_nan=False, allow_infinity=False), min_size=1, max_size=30
)


@given(steps=st.integers(0, 10**12), weights=weights.filter(any))
def test_shares_add_up_and_are_within_a_micro_dollar_of_their_proportion(
    steps: int, weights: list[Decimal]
) -> None:
    amount = steps * STEP
    shares = split(amount, weights)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * sum(weights) - amount * weight) < STEP * sum(weights)


def test_what_is_left_goes_to_those_who_lost_most() -> None:
    thirds = split(Decimal("0.000002"), [Decimal(1), Decimal(1), Decimal(1)])
    assert thirds == [STEP, STEP, 0]
    assert split(Decimal("0.000003"), [Decimal(5), Decimal(1)]) == [3 * STEP, 0]
    assert split(Decimal("0.000010"), [Decimal(1), Decimal(2)]) == [3 * STEP, 7 * STEP]


@pytest.mark.parametrize("weights", [[Decimal(0)], [Decimal(2), Decimal(-1)]])
def test_weights_that_cannot_divide_are_refused(weights: list[Decimal]) -> None:
    with pytest.raises(ValueError, match="cannot divide"):
        split(Decimal(1), weights)
