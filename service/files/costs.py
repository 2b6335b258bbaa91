"""Estimate what one training run on a file costs, per model and method, at today's prices."""

from collections.abc import Collection
from decimal import Decimal

import msgspec
from sqlalchemy.orm import Session

from service.catalog.models import CatalogModel
from service.catalog.offers import offers
from service.catalog.prices import price_at
from service.core import clock
from service.dataset.limits import MIN_EXAMPLES
from service.dataset.report import CheckReport
from service.errors import PriceUnknown
from service.files.counting import BaseTokens, Counted


class Cost(msgspec.Struct, frozen=True):
    """The estimated cost of one run with "auto" epochs.

    `cost_usd` is None when there is no price, or when the billed hours cannot be predicted; `note` then
    says which. `exact_tokens` is False when the file was counted in a different encoding from the model's.
    """

    model: str
    method: str
    n_epochs: int
    billed_tokens: int
    examples_truncated: int
    exact_tokens: bool
    cost_usd: Decimal | None
    note: str | None = None


def costs_of(session: Session, report: CheckReport, counted: Collection[Counted] = ()) -> list[Cost]:
    """Return one row per model and method that accept this format and train today, cheapest first.

    `counted` are the counts by bases' own tokenizers, which replace the report's.
    """
    today = clock.now().date()
    exact = {(one.provider, one.model): one.tokens for one in counted}
    rows: dict[tuple[str, str], Cost] = {}
    for offer in offers():
        for method, format_name in offer.model.formats.items():
            if format_name == report.format and offer.model.trains_on(today):
                # The first provider that has a model is the one a job would go to.
                tokens = exact.get((offer.provider_name, offer.model.id))
                rows.setdefault((offer.model.id, method), _cost(session, report, offer.model, method, tokens))
    return sorted(rows.values(), key=lambda cost: (cost.cost_usd is None, cost.cost_usd or 0, cost.model))


def billed_tokens(
    report: CheckReport, token_limit: int, n_epochs: int, exact: BaseTokens | None = None
) -> int:
    """Return the tokens a run is billed for: per epoch, each example's up to the model's limit.

    `exact` is the count by the base's own tokenizer, already cut to its limit.
    """
    if exact is not None:
        return exact.total * n_epochs
    lost = sum(cut.tokens_lost for cut in report.truncation if cut.limit == token_limit)
    return (report.tokens.total - lost) * n_epochs


def _cost(
    session: Session, report: CheckReport, model: CatalogModel, method: str, exact: BaseTokens | None
) -> Cost:
    tokens = billed_tokens(report, model.token_limit, report.n_epochs, exact)
    cut = sum(cut.examples for cut in report.truncation if cut.limit == model.token_limit)
    cost_usd, note = _price(session, model, method, tokens)
    if report.examples < max(MIN_EXAMPLES, model.min_examples):
        note = f"needs at least {max(MIN_EXAMPLES, model.min_examples)} examples"
    return Cost(
        model=model.id,
        method=method,
        n_epochs=report.n_epochs,
        billed_tokens=tokens,
        examples_truncated=cut if exact is None else exact.truncated,
        exact_tokens=exact is not None or _is_exact(model, report),
        cost_usd=cost_usd,
        note=note,
    )


def _is_exact(model: CatalogModel, report: CheckReport) -> bool:
    return model.encoding == report.tokens.encoding and not model.counts_tokens


def _price(
    session: Session, model: CatalogModel, method: str, tokens: int
) -> tuple[Decimal | None, str | None]:
    kind = model.training_kind(method)
    try:
        price = price_at(session, provider_kind=model.provider_kind, model=model.id, kind=kind, method=method)
    except PriceUnknown:
        return None, "no price is known"
    if kind.unit == "tokens":
        return price.amount_for(tokens), None
    note = f"billed by the hour: ${price.amount_usd.normalize():f}"
    if model.tokens_per_hour is None:
        return None, note
    hours = model.training_hours(tokens)
    return price.amount_for(hours), f"{note}; at most {hours.normalize():f} hours are expected"
