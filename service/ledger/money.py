"""Amounts of money as text. Pure."""

from decimal import ROUND_CEILING, Decimal

from service.catalog.price import AMOUNT_DECIMALS

_CENTS = Decimal("0.01")
_STEP = Decimal(1).scaleb(-AMOUNT_DECIMALS)


def usd(amount: Decimal) -> str:
    """An amount as a decimal string: all its digits, no zeros behind them, but two decimals at least."""
    cents = amount.quantize(_CENTS)
    return f"{cents if cents == amount else amount.normalize():f}"


def at_least(amount: Decimal) -> Decimal:
    """`amount` in as many decimals as the ledger's columns hold, rounded up, as suits an upper bound."""
    return amount.quantize(_STEP, ROUND_CEILING)
