"""The values that callers pass to the ledger, and those it returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from service.catalog.price import Price, PriceKind
from service.ledger.money import usd

ADJUSTMENT = "adjustment"  # the kind of entries that an admin books by hand; it has no price


@dataclass(frozen=True)
class Review:
    """Why an admin should review a charge.

    `implausible`: the provider reported an impossible quantity (`claimed`), so `bound` is charged instead.
    `uncertain`: the outcome is unknown, so the most it can have used (`bound`) is charged.
    `above_budget`: more was used (`claimed`) than was held (`bound`), and no budget could cover the rest.
    Both are in the unit of the charge. `reason` completes the sentence "it was flagged because ...".
    """

    state: Literal["uncertain", "implausible", "above_budget"]
    reason: str
    claimed: Decimal | int | None = None
    bound: Decimal | int | None = None


class Charge(Struct, frozen=True):
    """One thing to charge for. `unique_key` identifies what it is charged for, so that it is charged once.

    The charges of one settlement with the same `unique_key` make up one row of the ledger. They are for the
    same work, differ only in kind, price, quantity and review, and are booked together or not at all.

    `quantity` is in the unit of the price, such as tokens or hours. `model` is the model that was trained or
    used, `base_model` its base, and reports can group by `tags`. `request_tags` are tags too, but a team can
    have only so many combinations of them in a month (see `ledger_form.sql`). `occurred_at` defaults to now;
    the ledger moves a time in the future to now, and a time before `began_at` (when the job or request was
    created) to `began_at`. A charge with a `review` is booked at once, marked with the review's state, listed
    by `GET /v1/costs/review`, and announced to admins by the event `costs.flagged`:

        Charge(quantity=bound, ..., review=Review("implausible", "more than the context", claimed, bound))

    Raises ValueError for an empty key, a price of another kind, and a quantity that is negative or has more
    decimals than the price allows.
    """

    kind: PriceKind
    quantity: Decimal | int
    price: Price
    unique_key: str
    model: str
    base_model: str
    provider: str
    method: str | None = None
    job_id: str | None = None
    key_id: str | None = None
    tags: Mapping[str, str] = {}
    request_tags: Mapping[str, str] = {}
    occurred_at: datetime | None = None
    began_at: datetime | None = None
    review: Review | None = None

    def __post_init__(self) -> None:
        if not self.unique_key:
            raise ValueError("a charge needs a unique_key, or the ledger could drop it as a duplicate")
        if self.kind is not self.price.kind:
            raise ValueError(f"a charge for {self.kind} cannot use a price for {self.price.kind}")
        if self.quantity < 0:
            raise ValueError(f"quantity must not be negative, got {self.quantity} {self.price.unit}")
        self.price.check(self.quantity)

    @property
    def amount_usd(self) -> Decimal:
        """The exact cost, in US dollars."""
        return self.price.amount_for(self.quantity)


class LostUse(Struct, frozen=True):
    """What to charge as uncertain when a hold expires because its process died.

    `quantities` maps price ids to quantities.
    """

    model: str
    base_model: str
    provider: str
    endpoint: str
    quantities: Mapping[str, int]
    tags: Mapping[str, str] = {}


class HoldAsk(Struct, frozen=True):
    """A request to reserve money for work.

    If the hold still exists at `expires_at`, its process has died: the hold ends and `lost` is charged.
    """

    team_id: str
    subject_id: str
    amount_usd: Decimal
    key_id: str | None = None
    expires_at: datetime | None = None
    lost: LostUse | None = None


@dataclass(frozen=True)
class Hold:
    """Money reserved for one piece of work."""

    team_id: str
    subject_id: str
    amount_usd: Decimal
    key_id: str | None = None


class Settlement(Struct, frozen=True):
    """The end of one piece of work and its charges; without charges, the work was free."""

    team_id: str
    subject_id: str
    charges: Sequence[Charge] = ()

    @property
    def amount_usd(self) -> Decimal:
        """The sum of the charges."""
        return sum((charge.amount_usd for charge in self.charges), Decimal(0))


@dataclass(frozen=True)
class BudgetView:
    """A budget and its counters at one moment. Without a limit, `limit_usd` and `remaining_usd` are None.

    `period` is `month` (the calendar month, UTC) or `total`; `period_name` is the month, such as `2026-11`,
    or `total`.
    """

    account_id: str
    scope: str
    limit_usd: Decimal | None
    period: str
    period_name: str
    spent_usd: Decimal
    held_usd: Decimal
    thresholds: Sequence[int] = ()
    held_thresholds: Sequence[int] = ()
    forecast_thresholds: Sequence[int] = ()

    @property
    def remaining_usd(self) -> Decimal | None:
        """What can still be reserved; negative if work cost more than its hold."""
        return None if self.limit_usd is None else self.limit_usd - self.spent_usd - self.held_usd


_ASK = "Request less, wait until running work releases its holds, or ask an admin to raise the limit."
_REMEDIES = {
    "job": "Train less, or raise the limit: PUT /v1/fine_tuning/jobs/{id}/max_cost.",
    "key": "Request less, wait until running work releases its holds, or raise the key's limit with a key "
    "that has the scope manage.",
}


def explain_refusal(budget: BudgetView, asked_usd: Decimal) -> str:
    """Explain to the caller why a hold was refused, with all figures of the budget."""
    limit, left = budget.limit_usd or Decimal(0), budget.remaining_usd or Decimal(0)
    named = "total" if budget.period_name == "total" else f"monthly ({budget.period_name}, UTC)"
    whose = f"The {named} budget of {budget.scope} {budget.account_id}"
    if budget.scope == "job":
        whose = "This job's own limit, max_cost_usd,"
    elif budget.scope == "organization":
        whose = f"The {named} budget of the organization"
    return (
        f"{whose} does not cover this: "
        f"limit ${usd(limit)}, spent ${usd(budget.spent_usd)}, held ${usd(budget.held_usd)}, "
        f"asked ${usd(asked_usd)}, remaining ${usd(max(left, Decimal(0)))}. "
        f"{_REMEDIES.get(budget.scope, _ASK)}"
    )
