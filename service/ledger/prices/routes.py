"""Routes for the price book."""

from typing import Annotated

from fastapi import APIRouter, Query

from service.catalog import prices
from service.catalog.price import PriceKind
from service.core.http.pages import ListOut, list_out
from service.core.http.web import RequestSession
from service.ledger.closing.reprice import plan_reprice, reprice
from service.ledger.closing.schemas import RepriceIn, RepriceOut, reprice_out
from service.ledger.prices.schemas import PriceCreate, PriceOut, price_out
from service.teams.access import Admin, Reader
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1/prices", tags=["money"], route_class=IdempotentRoute)


@router.get("")
def list_prices(
    session: RequestSession,
    _: Reader,
    provider_kind: Annotated[str | None, Query(description="Only at this kind of provider.")] = None,
    model: Annotated[str | None, Query(description="Only of this model, as the price list names it.")] = None,
    kind: Annotated[PriceKind | None, Query(description="Only for this kind of charge.")] = None,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> ListOut[PriceOut]:
    """List the price book, including past and future prices, latest first."""
    asked = {"provider_kind": provider_kind, "model": model, "kind": kind.value if kind else None}
    filters = {name: value for name, value in asked.items() if value is not None}
    page = prices.list_prices(session, filters=filters, after=after, limit=limit)
    return list_out([price_out(row) for row in page.rows], page.has_more)


@router.post("")
def create_price(body: PriceCreate, session: RequestSession, _: Admin) -> PriceOut:
    """Add a price. Charges that are already booked do not change."""
    return price_out(prices.add_price(session, body.as_new_price()))


@router.post("/reprice")
def reprice_range(body: RepriceIn, session: RequestSession, _: Admin) -> RepriceOut:
    """Reprice the charges of a time range: first a dry run, then again with the `confirm` it returned."""
    if body.confirm is None:
        return reprice_out(session, plan_reprice(session, body.range), is_dry_run=True)
    done = reprice(session, body.range, confirm=body.confirm, reason=body.reason)
    return reprice_out(session, done, is_dry_run=False)
