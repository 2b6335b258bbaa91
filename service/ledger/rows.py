"""Encode holds, subjects and charges as JSON for the ledger's SQL functions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import Struct

from service.catalog.price import PriceKind, Unit
from service.ledger.charges import Charge, HoldAsk, Settlement
from service.ledger.money import at_least

# For callers without a transaction: each statement is a transaction by itself and can be repeated safely.
PLACE_QUICKLY = "SELECT account_id IS NULL FROM ledger_place_holds($1::jsonb, false) ORDER BY place"
SETTLE_QUICKLY = "SELECT ledger_settle_untold($1::jsonb, $2::jsonb)"


class _Row(Struct, omit_defaults=True):
    """A charge as `ledger_settle` reads it; what is None is left out, and is NULL there."""

    team_id: str
    unique_key: str
    subject_id: str
    kind: PriceKind
    quantity: Decimal | int
    unit: Unit
    unit_quantity: int
    price_usd: Decimal
    price_id: str
    tier: str
    amount_usd: Decimal
    key_id: str | None
    model: str
    base_model: str
    provider: str
    tags: Mapping[str, str]
    job_id: str | None = None
    method: str | None = None
    occurred_at: datetime | None = None
    began_at: datetime | None = None
    state: str | None = None


def of_asks(asks: Sequence[HoldAsk]) -> bytes:
    """Encode the argument of `ledger_place_holds`."""
    return msgspec.json.encode(
        [msgspec.structs.replace(ask, amount_usd=at_least(ask.amount_usd)) for ask in asks]
    )


def of_settlements(settlements: Sequence[Settlement]) -> tuple[bytes, bytes]:
    """Encode the arguments of `ledger_settle`: subjects and charges."""
    subjects = [{"team_id": done.team_id, "subject_id": done.subject_id} for done in settlements]
    charges = [_row_of(done, charge) for done in settlements for charge in done.charges]
    return msgspec.json.encode(subjects), msgspec.json.encode(charges)


def _row_of(done: Settlement, charge: Charge) -> _Row:
    price = charge.price
    return _Row(
        team_id=done.team_id,
        unique_key=charge.unique_key,
        subject_id=done.subject_id,
        kind=charge.kind,
        quantity=charge.quantity,
        unit=price.unit,
        unit_quantity=price.unit_quantity,
        price_usd=price.amount_usd,
        price_id=price.id,
        tier=price.tier,
        amount_usd=charge.amount_usd,
        key_id=charge.key_id,
        job_id=charge.job_id,
        model=charge.model,
        base_model=charge.base_model,
        provider=charge.provider,
        method=charge.method,
        tags=dict(charge.tags),
        occurred_at=charge.occurred_at,
        began_at=charge.began_at,
        state=charge.review.state if charge.review else None,
    )
