"""Formatting amounts."""

from decimal import Decimal

import pytest

from service.ledger.money import at_least, usd


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("5", "5.00"),
        ("0", "0.00"),
        ("100", "100.00"),
        ("0.1", "0.10"),
        ("0.035000000000", "0.035"),
        ("0.000000075", "0.000000075"),
        ("-1.5", "-1.50"),
        ("123456789012.000001", "123456789012.000001"),
    ],
)
def test_amounts_keep_all_their_digits_and_at_least_cents(amount: str, text: str) -> None:
    assert usd(Decimal(amount)) == text


def test_an_estimate_finer_than_the_ledger_is_rounded_up() -> None:
    assert at_least(Decimal("0.0000000000001")) == Decimal("0.000000000001")
