"""What is asked of the ledger, and its answers. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from service.catalog.price import Price, PriceKind
from service.ledger.money import usd

ADJUSTMENT = "adjustment"  # the kind of entries that an admin books by hand; it has no price


@dataclass(frozen=True)
class Review:
    """Why a charge is not simply the provider's word, so that an admin reviews it.

    `implausible`: the provider claimed what cannot be (`claimed`), and the charge is for the `bound` instead.
    `uncertain`: how the work ended is unknown, and the charge is for the most it can have used (`bound`).
    Both are quantities in the unit of the charge. `reason` completes "it was flagged because ...".
    """

    state: Literal["uncertain", "implausible"]
    reason: str
    claimed: Decimal | int | None = None
    bound: Decimal | int | None = None


@dataclass(frozen=True)
class Charge:
    """Something used that is to be paid for, once: `unique_key` identifies it whatever step records it.

    `quantity` is in the unit of the price (tokens or hours). `model` is what was trained or used,
    `base_model` the base it comes from, `tags` what reports may group by. Without `occurred_at` it happened
    now; the ledger moves a moment in the future to now, and one before `began_at` (when the job or request
    was created) to that. A charge with a `review` is booked at once, marked with its state, put on the list
    of `GET /v1/costs/review`, and announced to admins by the event `costs.flagged`:

        Charge(quantity=bound, ..., review=Review("implausible", "more than the context", claimed, bound))

    Raises ValueError for an empty key, for a quantity below zero or finer than the price allows.
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
    tags: Mapping[str, str] = field(default_factory=dict)
    occurred_at: datetime | None = None
    began_at: datetime | None = None
    review: Review | None = None

    def __post_init__(self) -> None:
        if not self.unique_key:
            raise ValueError("a charge without a key could be dropped as a repetition of another")
        if self.kind is not self.price.kind:
            raise ValueError(f"{self.kind} cannot be charged at a price for {self.price.kind}")
        if self.quantity < 0:
            raise ValueError(f"{self.quantity} {self.price.unit} cannot be charged")
        self.price.amount_for(self.quantity)

    @property
    def amount_usd(self) -> Decimal:
        """What it costs, exactly."""
        return self.price.amount_for(self.quantity)


@dataclass(frozen=True)
class LostUse:
    """What to charge as uncertain when a hold expires because the process that held it died.

    `quantities` maps ids of prices to quantities.
    """

    model: str
    base_model: str
    provider: str
    endpoint: str
    quantities: Mapping[str, int]


@dataclass(frozen=True)
class HoldAsk:
    """A request to reserve money for work.

    A hold with `expires_at` ends then if its work has vanished, and `lost` is charged.
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


@dataclass(frozen=True)
class Settlement:
    """The end of one piece of work: what it cost (nothing, when it failed for free)."""

    team_id: str
    subject_id: str
    charges: Sequence[Charge] = ()

    @property
    def amount_usd(self) -> Decimal:
        """What its charges come to."""
        return sum((charge.amount_usd for charge in self.charges), Decimal(0))


@dataclass(frozen=True)
class BudgetView:
    """A budget with its counters at one moment; without a limit both it and what remains are None.

    `period` is `month` (the calendar month, UTC) or `total`; `period_name` says which, such as `2026-11`.
    """

    account_id: str
    scope: str
    limit_usd: Decimal | None
    period: str
    period_name: str
    spent_usd: Decimal
    held_usd: Decimal
    thresholds: Sequence[int]

    @property
    def remaining_usd(self) -> Decimal | None:
        """What can still be held; below zero when work cost more than it held."""
        return None if self.limit_usd is None else self.limit_usd - self.spent_usd - self.held_usd


def explain_refusal(budget: BudgetView, asked_usd: Decimal) -> str:
    """Why a hold was refused, with every figure that one needs to see it coming next time."""
    limit, left = budget.limit_usd or Decimal(0), budget.remaining_usd or Decimal(0)
    named = "total" if budget.period_name == "total" else f"monthly ({budget.period_name}, UTC)"
    return (
        f"The {named} budget of {budget.scope} {budget.account_id} does not cover this: "
        f"limit ${usd(limit)}, spent ${usd(budget.spent_usd)}, held ${usd(budget.held_usd)}, "
        f"asked ${usd(asked_usd)}, remaining ${usd(max(left, Decimal(0)))}. "
        "Ask for less, wait for held work to end, or have an admin raise the limit."
    )
