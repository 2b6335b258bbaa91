"""Decide how much training to charge, given what a provider reports and what is possible.

A plausible report is charged unchanged. Otherwise the charge is for the bound or the estimate, and has a
review, which lists it for the admins.
"""

from dataclasses import dataclass
from decimal import Decimal

from service.ledger.charges import Review

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Training:
    """A quantity to charge, in tokens or hours; `review` says why it differs from the provider's report."""

    quantity: Decimal
    review: Review | None = None


def judge(
    reported: Decimal | None,
    *,
    estimate: Decimal,
    bound: Decimal | None,
    succeeded: bool,
    reports: bool = True,
) -> Training:
    """Return the training to charge for a report.

    A job that succeeded must have trained something: if the report is missing or zero, the estimate is
    charged. So it is for any job of a provider that never `reports` it. If `bound` is known, no more than
    that is charged.
    """
    if reported is None and not reports and not succeeded:
        reason = "the job had begun, and its provider does not report how much it trained"
        return Training(estimate, Review("uncertain", reason, None, estimate))
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
    """Return the same training, with a review if its cost exceeds the hold."""
    if training.review is not None or cost_usd <= held_usd:
        return training
    reason = f"the charge of ${cost_usd:f} is above the ${held_usd:f} that were held"
    return Training(training.quantity, Review("implausible", reason, training.quantity, None))
