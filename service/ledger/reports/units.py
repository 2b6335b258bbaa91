"""Unit costs: per request, per job and per 1,000 tokens."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Label, Subquery, cast, func

from service.catalog.price import PriceKind
from service.ledger.kinds import NOT_USE

UNIT_COLUMNS = ("requests", "jobs", "tokens", "usd_per_request", "usd_per_job", "usd_per_1k_tokens")
_TRAINING = [kind.value for kind in PriceKind if kind.is_training]
_STEP = Decimal("0.000001")


def unit_sums(entries: Subquery) -> Sequence[Label[Any]]:
    """The columns from which `with_unit_costs` computes a group's unit costs."""
    of = entries.c
    trains, adjusts = of.kind.in_(_TRAINING), of.kind.in_(NOT_USE)
    # Each request has exactly one entry for its input, so those entries count the requests.
    requests = func.sum(of.entries).filter(of.kind == PriceKind.INPUT_TOKENS.value, ~of.is_correction)
    in_tokens = of.unit == "tokens"
    return [
        cast(func.coalesce(requests, 0), BigInteger).label("requests"),
        func.count(of.job_id.distinct()).filter(trains).label("jobs"),
        func.coalesce(func.sum(of.quantity).filter(in_tokens), 0).label("tokens"),
        func.coalesce(func.sum(of.amount_usd).filter(~trains, ~adjusts), 0).label("use_usd"),
        func.coalesce(func.sum(of.amount_usd).filter(trains), 0).label("training_usd"),
        func.coalesce(func.sum(of.amount_usd).filter(in_tokens), 0).label("tokens_usd"),
    ]


def with_unit_costs(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its unit costs, rounded to six decimals; None if the row has no such units.

    The cost per request covers inference, the cost per job training. Neither includes shared costs and
    adjustments.
    """
    found = dict(row)
    use, training, in_tokens = (found.pop(name) for name in ("use_usd", "training_usd", "tokens_usd"))
    found["usd_per_request"] = _divided(use, found["requests"])
    found["usd_per_job"] = _divided(training, found["jobs"])
    found["usd_per_1k_tokens"] = _divided(in_tokens * 1000, found["tokens"])
    return found


def _divided(amount: Decimal, by: Decimal | int) -> Decimal | None:
    return (amount / by).quantize(_STEP) if by else None
