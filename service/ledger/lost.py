"""Charges for work whose process died before settling."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.catalog.price import PriceKind
from service.catalog.prices import price_of
from service.catalog.tables import PriceRow
from service.ledger.charges import Charge, LostUse, Review, Settlement
from service.ledger.tables import HoldRow

_REASON = "the process that handled the request died; the provider may have answered it"


def settlements(session: Session, holds: Sequence[HoldRow]) -> list[Settlement]:
    """Return settlements that charge each hold's `lost` use; a hold without one is released."""
    uses = {hold.subject_id: msgspec.convert(hold.lost, LostUse) for hold in holds if hold.lost}
    price_ids = {price_id for use in uses.values() for price_id in use.quantities}
    prices = {row.id: row for row in session.scalars(select(PriceRow).where(PriceRow.id.in_(price_ids)))}
    return [
        Settlement(hold.team_id, hold.subject_id, _charges(hold, uses.get(hold.subject_id), prices))
        for hold in holds
    ]


def _charges(hold: HoldRow, use: LostUse | None, prices: dict[str, PriceRow]) -> list[Charge]:
    if use is None:
        return []
    charges = []
    for price_id, quantity in use.quantities.items():
        price = price_of(prices[price_id])
        is_output = price.kind is PriceKind.OUTPUT_TOKENS
        charges.append(
            Charge(
                kind=price.kind,
                quantity=quantity,
                price=price,
                unique_key=hold.subject_id,
                model=use.model,
                base_model=use.base_model,
                provider=use.provider,
                key_id=hold.key_id,
                tags={"endpoint": use.endpoint, "outcome": "uncertain", "counted_by": "tunehouse"},
                request_tags=use.tags,
                began_at=hold.placed_at,
                review=Review("uncertain", _REASON, bound=quantity) if is_output else None,
            )
        )
    return charges
