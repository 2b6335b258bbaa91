"""How much training to charge, given what a provider reports and what is possible. Pure.

A report is charged as it is while it is possible. Otherwise the charge is for the bound or the estimate, and
carries a review, which puts it on the admins' list.
"""

from dataclasses import dataclass
from decimal import Decimal

from service.ledger.charges import Review

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Training:
    """A quantity to charge, in tokens or hours; `review` says why it is not simply the provider's word."""

    quantity: Decimal
    review: Review | None = None


def judge(reported: Decimal | None, *, estimate: Decimal, bound: Decimal | None, succeeded: bool) -> Training:
    """What to charge for a report.

    A job that succeeded has trained something: without a report, or with one of nothing, the estimate is
    charged. Nothing above `bound` is charged, where one is known.
    """
    if reported is None or reported <= 0:
        if not succeeded:
            return Training(_ZERO)
        if reported is None:
            reason = "the job succeeded and its provider did not report how much it trained"
            return Training(estimate, Review("uncertain", reason, None, estimate))
        reason = f"the job succeeded and its provider reported {reported:f} as trained"
        return Training(estimate, Review("implausible", reason, reported, estimate))
    if bound is not None and reported > bound:
        reason = "the provider reported more training than the dataset and the time allow"
        return Training(bound, Review("implausible", reason, reported, bound))
    return Training(reported)


def within_hold(training: Training, *, cost_usd: Decimal, held_usd: Decimal) -> Training:
    """The same training, with a review if its cost is above what was held for it."""
    if training.review is not None or cost_usd <= held_usd:
        return training
    reason = f"the charge of ${cost_usd:f} is above the ${held_usd:f} that were held"
    return Training(training.quantity, Review("implausible", reason, training.quantity, None))
