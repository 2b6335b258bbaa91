"""The page of the price book, and the form with which an admin adds or confirms a price."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from service.catalog.price import PriceKind
from service.core.clock import now, unix
from service.core.http.web import RequestSession
from service.errors import TunehouseError
from service.ledger.prices.routes import create_price, list_prices
from service.ledger.prices.schemas import PriceCreate
from service.pages.forms import Posted
from service.pages.listing import CSV_ROWS, Column, Field, Listing, more_after
from service.pages.render import Refilled, leave, show
from service.pages.words import moment, plain
from service.teams.access import Admin, Caller, Reader
from service.teams.idempotency import IdempotentRoute

router = APIRouter(route_class=IdempotentRoute)

_ROWS = 200
_FIELDS = (
    "provider_kind",
    "model",
    "method",
    "kind",
    "unit_quantity",
    "amount_usd",
    "effective_from",
    "source",
)


@router.get("/prices")
def prices(
    request: Request,
    session: RequestSession,
    caller: Reader,
    model: str = "",
    after: str | None = None,
) -> Response:
    """List prices: which applies when, and where it comes from."""
    return _page(request, session, caller, model, after)


@router.post("/prices")
def add(request: Request, form: Posted, session: RequestSession, caller: Admin) -> Response:
    """Add a price, or confirm one by adding it again with a new source."""
    values = {name: form.get(name, "").strip() for name in _FIELDS}
    try:
        kind = PriceKind(values["kind"])
        asked = values | {
            "method": values["method"] or None,
            "unit": kind.unit,
            "unit_quantity": int(values["unit_quantity"] or 0),
            "effective_from": values["effective_from"] or unix(now()),
        }
        create_price(PriceCreate.model_validate(asked), session, caller)
    except (ValidationError, ValueError) as wrong:
        error = wrong.errors()[0]["msg"] if isinstance(wrong, ValidationError) else "Fill in every field."
        raise Refilled(_page(request, session, caller, "", None, values, error)) from wrong
    except TunehouseError as refusal:
        raise Refilled(_page(request, session, caller, "", None, values, refusal.message)) from refusal
    return leave(request, _of_model(values["model"]), "The price is added.")


def _of_model(model: str) -> str:
    return f"/prices?{urlencode({'model': model})}"


def _page(
    request: Request,
    session: Session,
    caller: Caller,
    model: str,
    after: str | None,
    values: dict[str, str] | None = None,
    error: str = "",
) -> Response:
    limit = CSV_ROWS if "csv" in request.query_params else _ROWS
    page = list_prices(session, caller, model=model or None, after=after, limit=limit)
    moment_now = unix(now())
    listing = Listing(
        "prices",
        "Prices, latest first",
        (
            Column("Model"),
            Column("Provider"),
            Column("Kind"),
            Column("Method"),
            Column("Price", True),
            Column("From", True),
            Column("Source"),
        ),
        [
            (
                Field(price.model, href=_of_model(price.model)),
                Field(price.provider_kind),
                Field(plain(price.kind), sub="" if price.tier == "standard" else price.tier),
                Field(price.method or ""),
                Field(price.text),
                Field(
                    moment(price.effective_from)[:10],
                    sub="not yet in force" if price.effective_from > moment_now else "",
                ),
                Field(price.source),
            )
            for price in page.data
        ],
        empty="No price matches.",
        more=more_after(request, page.last_id, page.has_more),
    )
    filled = values or dict.fromkeys(_FIELDS, "") | {"model": model, "unit_quantity": "1000000"}
    return show(
        request,
        "prices.html",
        lists=[listing],
        status=422 if error else 200,
        model=model,
        kinds=list(PriceKind),
        filled=filled,
        error=error,
    )
