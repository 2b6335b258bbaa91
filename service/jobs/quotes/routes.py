"""The route for quotes: one dataset priced at every configured provider."""

from fastapi import APIRouter

from service.catalog.hosting import hosting_terms
from service.core.http.web import RequestSession
from service.errors import Conflict, InvalidRequest, NotFound
from service.files.queries import get_file
from service.jobs.quotes.compute import DAYS_PER_MONTH, ExpectedUse, Quote, quotes_for
from service.jobs.quotes.schemas import QuoteIn, QuoteOut, QuotesOut
from service.ledger.money import usd
from service.teams.access import Trainer
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1/fine_tuning/quotes", tags=["fine-tuning"], route_class=IdempotentRoute)


@router.post("")
def create_quotes(body: QuoteIn, session: RequestSession, caller: Trainer) -> QuotesOut:
    """Price a dataset, and the use of the tuned model, at every provider that fits. Creates nothing."""
    try:
        file = get_file(session, caller.team, body.training_file)
    except NotFound as missing:
        raise InvalidRequest(
            f"There is no file {body.training_file!r}.", param="training_file", code="file_not_found"
        ) from missing
    if file.status != "processed":
        raise Conflict(
            f"{file.id} is {file.status}, and only a file that passed its checks can be priced. See "
            f"GET /v1/files/{file.id}/report.",
            param="training_file",
            code="file_not_ready",
        )
    use = ExpectedUse(**body.use.model_dump()) if body.use else None
    quotes = quotes_for(session, caller.team, caller.key_id, file, use, body.months)
    trained = [quote for quote in quotes if quote.estimate is not None]
    cheapest = min(trained, key=lambda quote: quote.estimate.cost_usd if quote.estimate else 0, default=None)
    data = [_quote_out(quote, cheapest, use, body.months) for quote in quotes]
    return QuotesOut(data=data, months=body.months)


def _quote_out(quote: Quote, cheapest: Quote | None, use: ExpectedUse | None, months: int) -> QuoteOut:
    model, estimate = quote.offer.model, quote.estimate
    total = quote.total_usd(months)
    even = quote.breaks_even_with(cheapest) if cheapest is not None and quote is not cheapest else None
    return QuoteOut(
        provider=quote.offer.provider_name,
        provider_kind=model.provider_kind,
        model=model.id,
        method=quote.method,
        n_epochs=estimate.n_epochs if estimate else None,
        trained_tokens=estimate.trained_tokens if estimate else None,
        training_usd=usd(estimate.cost_usd) if estimate else None,
        price_id=estimate.price.id if estimate else None,
        use_usd_per_month=None if quote.use_usd is None else usd(quote.use_usd),
        hosting_usd_per_month=None if quote.hosting_usd is None else usd(quote.hosting_usd),
        total_usd=None if total is None else usd(total),
        break_even_months=None if even is None else f"{even:f}",
        methods=list(model.methods),
        trains_until=model.trains_until.isoformat() if model.trains_until else None,
        shutdown_date=quote.shutdown,
        notes=list(quote.notes),
        problem=quote.problem,
        explanation=_explanation(quote, use, months),
    )


def _explanation(quote: Quote, use: ExpectedUse | None, months: int) -> str:
    """The sum in words: each part with the price that it comes from."""
    if quote.estimate is None:
        return "No training cost: see 'problem'."
    price = quote.estimate.price
    per = f"${usd(price.amount_usd)} per {price.unit_quantity:,} {price.unit}"
    parts = [f"Training ({quote.estimate.n_epochs} epochs) at {per}: ${usd(quote.estimate.cost_usd)}."]
    if use is not None:
        asked = f"{use.requests_per_day} requests a day for {DAYS_PER_MONTH} days"
        cost = "no price is known" if quote.use_usd is None else f"${usd(quote.use_usd)} a month"
        parts.append(f"Use ({asked}): {cost}.")
    terms = hosting_terms(quote.offer.model.provider_kind)
    cost = "no price is known" if quote.hosting_usd is None else f"${usd(quote.hosting_usd)} a month"
    parts.append(f"Hosting: {cost} ({terms.source}).")
    total = quote.total_usd(months)
    parts.append("No total." if total is None else f"In {months} months: ${usd(total)}.")
    return " ".join(parts)
