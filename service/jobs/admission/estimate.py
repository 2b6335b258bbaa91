"""Estimate a job's training and cost."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from service.catalog.prices import Price, price_of, unknown_price
from service.files.costs import billed_tokens
from service.files.counting import BaseTokens
from service.files.overlap import shared_sentence
from service.files.queries import report_of
from service.files.tables import File
from service.jobs.admission.facts import AdmissionFacts
from service.jobs.admission.request import JobRequest
from service.ledger.money import usd
from service.models.queries import Target
from service.providers.kinds.capabilities import chosen_epochs

UNCONFIRMED = (
    "The price is a third party's copy and not confirmed: the provider's bill may differ. An administrator "
    "confirms it by adding the right price with POST /v1/prices."
)


@dataclass(frozen=True)
class JobEstimate:
    """A job's estimated training and cost, from its price and the report on its training file.

    `cost_usd` is the amount that the job holds. `training_hours` is the longest expected time, None if the
    training is billed by the token. `exact` is the count by the base's own tokenizer, if there is one.
    `upper_bound_usd` is None if nothing limits how long the job trains.
    """

    n_epochs: int
    trained_tokens: int | None
    training_hours: Decimal | None
    exact: BaseTokens | None
    price: Price
    cost_usd: Decimal
    upper_bound_usd: Decimal | None


def find_price(facts: AdmissionFacts, target: Target, request: JobRequest) -> Price:
    """Return the price of the job, or today's if there is no job yet. Raises `PriceUnknown`."""
    if facts.price is not None:
        return price_of(facts.price)
    base = target.base
    raise unknown_price(base.provider_kind, base.id, base.training_kind(request.method), request.method)


def estimate_job(
    target: Target, request: JobRequest, training: File, price: Price, exact: BaseTokens | None
) -> JobEstimate:
    """Estimate a job that trains on `training`, a checked file.

    Training by the hour stops at the job's own `max_cost_usd`, which therefore bounds its cost.
    """
    base = target.base
    report = report_of(training)
    asked = request.hyperparameters.get("n_epochs", "auto")
    n_epochs = chosen_epochs(base.provider_kind, report.examples) if asked == "auto" else int(asked)
    tokens = billed_tokens(report, base.token_limit, n_epochs, exact)
    by_hour = price.kind.unit == "hours"
    hours = base.training_hours(tokens) if by_hour else None
    cost = price.amount_for(tokens if hours is None else hours)
    bound = None if by_hour and base.tokens_per_hour is None else cost
    if by_hour and request.max_cost_usd is not None:
        cost = bound = request.max_cost_usd if bound is None else min(bound, request.max_cost_usd)
    trained = None if request.method == "reinforcement" else tokens
    return JobEstimate(n_epochs, trained, hours, exact, price, cost, bound)


def shared_rows(session: Session, training: File, validation: File | None) -> str | None:
    """A warning when the validation file repeats rows of the training file; None when it does not."""
    return None if validation is None else shared_sentence(session, training, validation)


def warnings(
    target: Target,
    training: File,
    estimate: JobEstimate,
    shared: str | None = None,
    ends_on: date | None = None,
) -> list[str]:
    """Return the warnings for the caller who is about to create the job, including `shared`."""
    found = [shared] if shared else []
    if estimate.upper_bound_usd is None:
        found.append(
            f"The duration cannot be estimated in advance: ${usd(estimate.cost_usd)} is held for the first "
            "hour, then each further hour before it begins. Set max_cost_usd to bound the cost."
        )
    if not estimate.price.is_confirmed:
        found.append(UNCONFIRMED)
    if ends_on is not None:
        found.append(f"{target.model_id} shuts down on {ends_on}, together with every model tuned from it.")
    if estimate.exact and estimate.exact.problem:
        found.append(estimate.exact.problem)
    if estimate.exact and estimate.exact.truncated:
        found.append(
            f"{estimate.exact.truncated} examples are longer than the model's limit; "
            "the provider cuts off the rest."
        )
    if estimate.exact:
        return found
    report = report_of(training)
    lost = report.tokens.total - billed_tokens(report, target.base.token_limit, 1)
    if lost:
        found.append(f"{lost} tokens lie beyond the model's limit per example and are not trained on.")
    return found
