"""Amounts of money as text."""

from decimal import ROUND_CEILING, Decimal

from service.catalog.price import AMOUNT_DECIMALS

_CENTS = Decimal("0.01")
_STEP = Decimal(1).scaleb(-AMOUNT_DECIMALS)


def usd(amount: Decimal) -> str:
    """Format an amount with all its digits, no trailing zeros, and at least two decimals."""
    cents = amount.quantize(_CENTS)
    return f"{cents if cents == amount else amount.normalize():f}"


def at_least(amount: Decimal) -> Decimal:
    """Round an upper bound up to the number of decimals that the ledger's columns hold."""
    return amount.quantize(_STEP, ROUND_CEILING)
