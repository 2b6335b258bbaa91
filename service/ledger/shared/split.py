"""Divide an amount in proportion to weights, to the last micro-dollar. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

STEP = Decimal("0.000001")  # US dollars


def split(amount_usd: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Return one share per weight; the shares add up to the amount exactly.

    Each share is rounded down to a micro-dollar. The micro-dollars that are left go to the shares that lost
    most by that, the earlier ones first (the largest remainder method). Raises ValueError for weights that
    are negative or all zero, and for an amount with more than six decimals.
    """
    total = sum(map(Fraction, weights), Fraction(0))
    if total <= 0 or min(weights) < 0 or amount_usd % STEP:
        raise ValueError(f"cannot divide {amount_usd} by weights that add up to {total}")
    steps = Fraction(amount_usd / STEP)
    exact = [steps * Fraction(weight) / total for weight in weights]
    whole = [part.numerator // part.denominator for part in exact]
    left = int(steps) - sum(whole)
    by_loss = sorted(range(len(exact)), key=lambda place: whole[place] - exact[place])
    for place in by_loss[:left]:
        whole[place] += 1
    return [steps_of * STEP for steps_of in whole]
