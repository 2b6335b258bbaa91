"""Price one dataset, and the use of the model that it makes, at every configured provider.

Each training cost is the one that an estimate gives for the same job, by the same code.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from sqlalchemy.orm import Session

from service.catalog.hosting import hosting_price
from service.catalog.offers import Offer, offers
from service.catalog.prices import PriceKind, served_as, use_prices
from service.core import clock
from service.errors import PriceUnknown, TunehouseError
from service.files.tables import File
from service.jobs.admission.checks import check_admission
from service.jobs.admission.estimate import UNCONFIRMED, JobEstimate
from service.jobs.admission.request import request_of_body
from service.jobs.schemas import JobCreate
from service.models.shutdowns.queries import ShutdownDates, shutdown_dates
from service.providers.kinds.capabilities import capabilities_of

DAYS_PER_MONTH = 30
_HOURS_PER_MONTH = 24 * DAYS_PER_MONTH
_TENTH = Decimal("0.1")


@dataclass(frozen=True)
class ExpectedUse:
    """How much a model will be used; tokens are those of one request."""

    requests_per_day: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Quote:
    """One base at one provider: its costs, or the `problem` that keeps the job from running there.

    `use_usd` and `hosting_usd` are per month of 30 days; None if a price is not known. `notes` say what would
    be translated or lost.
    """

    offer: Offer
    method: str
    estimate: JobEstimate | None
    problem: str | None
    use_usd: Decimal | None
    hosting_usd: Decimal | None
    shutdown: str | None
    notes: Sequence[str]

    @property
    def monthly_usd(self) -> Decimal | None:
        """Use and hosting of one month; None if either is not known."""
        if self.use_usd is None or self.hosting_usd is None:
            return None
        return self.use_usd + self.hosting_usd

    def total_usd(self, months: int) -> Decimal | None:
        """Training and so many months; None if any part is not known."""
        if self.estimate is None or self.monthly_usd is None:
            return None
        return self.estimate.cost_usd + months * self.monthly_usd

    def breaks_even_with(self, other: "Quote") -> Decimal | None:
        """The months after which this has cost less than `other`, in tenths; None for never or unknown."""
        if self.estimate is None or other.estimate is None:
            return None
        if self.monthly_usd is None or other.monthly_usd is None:
            return None
        saved = other.monthly_usd - self.monthly_usd
        if saved <= 0:
            return None
        more = max(self.estimate.cost_usd - other.estimate.cost_usd, Decimal(0))
        return (more / saved).quantize(_TENTH, ROUND_CEILING)


def quotes_for(
    session: Session, team_id: str, key_id: str, file: File, use: ExpectedUse | None, months: int
) -> list[Quote]:
    """Return a quote for every base and method that take the file's format, the cheapest in all first.

    Quotes whose total is not known follow, then those with a problem.
    """
    dates = shutdown_dates(session)
    found = [
        _quote(session, team_id, key_id, file, offer, method, use, dates)
        for offer, method in _fitting(file.format)
    ]
    return sorted(found, key=lambda quote: _rank(quote, months))


def _fitting(format_name: str | None) -> Iterator[tuple[Offer, str]]:
    today = clock.now().date()
    for offer in offers():
        ended = offer.model.shutdown_date is not None and offer.model.shutdown_date <= today
        for method, wanted in offer.model.formats.items():
            # A grader belongs to one task: reinforcement is not something to compare bases by.
            if wanted == format_name and method != "reinforcement" and not ended:
                yield offer, method


def _quote(
    session: Session,
    team_id: str,
    key_id: str,
    file: File,
    offer: Offer,
    method: str,
    use: ExpectedUse | None,
    dates: ShutdownDates,
) -> Quote:
    body = JobCreate.model_validate(
        {
            "model": f"{offer.provider_name}/{offer.model.id}",
            "training_file": file.id,
            "method": {"type": method},
            "tunehouse": {"acknowledge_shutdown": True},
        }
    )
    estimate, problem = None, None
    try:
        estimate = check_admission(session, request_of_body(team_id, key_id, body)).estimate
    except TunehouseError as refusal:
        problem = refusal.message
    day = dates.of_offer(offer)
    return Quote(
        offer=offer,
        method=method,
        estimate=estimate,
        problem=problem,
        use_usd=_use_usd(session, offer, use),
        hosting_usd=_hosting_usd(session, offer),
        shutdown=None if day is None else day.isoformat(),
        notes=_notes(offer) + ([UNCONFIRMED] if estimate and not estimate.price.is_confirmed else []),
    )


def _use_usd(session: Session, offer: Offer, use: ExpectedUse | None) -> Decimal | None:
    if use is None:
        return Decimal(0)
    listed = served_as(offer.model.id, tuned=True)
    prices = use_prices(session, provider_kind=offer.model.provider_kind, model=listed).get("standard", {})
    if PriceKind.INPUT_TOKENS not in prices or PriceKind.OUTPUT_TOKENS not in prices:
        return None
    requests = use.requests_per_day * DAYS_PER_MONTH
    read = prices[PriceKind.INPUT_TOKENS].amount_for(requests * use.input_tokens)
    return read + prices[PriceKind.OUTPUT_TOKENS].amount_for(requests * use.output_tokens)


def _hosting_usd(session: Session, offer: Offer) -> Decimal | None:
    try:
        price = hosting_price(session, provider_kind=offer.model.provider_kind, base_model=offer.model.id)
    except PriceUnknown:
        return None
    return Decimal(0) if price is None else price.amount_for(_HOURS_PER_MONTH)


def _notes(offer: Offer) -> list[str]:
    known = capabilities_of(offer.model.provider_kind)
    found = [
        f"{ours} is sent as {theirs.name}" + (f", times {theirs.unit:g}." if theirs.unit != 1 else ".")
        for ours, theirs in (known.hyperparameters or {}).items()
        if theirs.name != ours
    ]
    found += [f"{name} is refused: {reason}." for name, reason in known.limits.items()]
    if not known.chooses_epochs:
        found.append('With n_epochs "auto", Tunehouse chooses the number.')
    if "pause" not in known.actions:
        found.append("Jobs cannot be paused.")
    if not known.continues_tuned:
        found.append("The tuned model cannot be tuned again.")
    if not known.served_at_once:
        found.append("The tuned model must be deployed before it answers.")
    return found


def _rank(quote: Quote, months: int) -> tuple[bool, bool, Decimal, str]:
    total = quote.total_usd(months)
    cost = quote.estimate.cost_usd if quote.estimate else Decimal(0)
    return quote.problem is not None, total is None, cost if total is None else total, quote.offer.model.id
