"""Amounts are exact."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.catalog.price import UNIT_QUANTITIES, Price, PriceKind, hours, served_as
from tests.ledger.make import price

amounts = st.decimals(0, 10_000, places=6)
tokens = st.integers(0, 10**12)


def _price(kind: PriceKind, amount: Decimal, per: int) -> Price:
    return Price(**(vars(price(kind)) | {"amount_usd": amount, "unit_quantity": per}))


def test_a_million_tokens_cost_what_the_price_page_says() -> None:
    assert price(PriceKind.TRAINING_TOKENS, "25").amount_for(1_000_000) == Decimal("25")


def test_a_price_per_million_is_not_mistaken_for_one_per_thousand() -> None:
    assert price(PriceKind.INPUT_TOKENS, "35").amount_for(1_000) == Decimal("0.035")


@given(amount=amounts, per=st.sampled_from(UNIT_QUANTITIES), quantity=tokens)
def test_no_amount_is_ever_rounded(amount: Decimal, per: int, quantity: int) -> None:
    charged = _price(PriceKind.OUTPUT_TOKENS, amount, per).amount_for(quantity)
    assert charged * per == quantity * amount
    assert charged == round(charged, 12)


@given(amount=amounts, parts=st.lists(tokens, min_size=1, max_size=20))
def test_amounts_of_parts_add_up_to_the_amount_of_the_whole(amount: Decimal, parts: list[int]) -> None:
    charged = _price(PriceKind.OUTPUT_TOKENS, amount, 1_000_000)
    assert sum(charged.amount_for(part) for part in parts) == charged.amount_for(sum(parts))


def test_part_of_a_token_cannot_be_charged() -> None:
    with pytest.raises(ValueError, match=r"1\.5 tokens"):
        price().amount_for(Decimal("1.5"))


def test_an_hour_and_a_half_of_training_costs_one_and_a_half_times_the_hour() -> None:
    assert price(PriceKind.TRAINING_HOURS, "100").amount_for(hours(5400)) == Decimal("150")


def test_tuned_models_have_prices_of_their_own() -> None:
    assert served_as("sandbox-mini", tuned=True) == "ft:sandbox-mini"
