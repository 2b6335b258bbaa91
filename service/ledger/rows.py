"""Encode holds, subjects and charges as JSON for the ledger's SQL functions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Struct

from service.catalog.price import PriceKind, Unit
from service.ledger.charges import Charge, HoldAsk, Settlement
from service.ledger.money import at_least

# For callers without a transaction: each statement is a transaction by itself and can be repeated safely.
PLACE_QUICKLY = "SELECT account_id IS NULL FROM ledger_place_holds($1::jsonb, false) ORDER BY place"
SETTLE_QUICKLY = "SELECT ledger_settle_without_events($1::jsonb, $2::jsonb)"


class _Form(Struct, omit_defaults=True):
    """What many rows have in common. The lists have one element for each charge of the row."""

    key_id: str | None
    model: str
    base_model: str
    provider: str
    tags: Mapping[str, str]
    kinds: list[PriceKind]
    units: list[Unit]
    tiers: list[str]
    price_ids: list[str]
    prices_usd: list[Decimal]
    unit_quantities: list[int]
    method: str | None = None
    request_tags: Mapping[str, str] | None = None


class _Row(Struct, omit_defaults=True):
    """A row as `ledger_settle` reads it; what is None is left out, and is NULL there."""

    team_id: str
    unique_key: str
    subject_id: str
    form: _Form
    quantities: list[Decimal | int]
    states: list[str | None] | None = None
    job_id: str | None = None
    occurred_at: datetime | None = None
    began_at: datetime | None = None


_unique_key = attrgetter("unique_key")
_work = attrgetter(
    "model",
    "base_model",
    "provider",
    "method",
    "job_id",
    "key_id",
    "tags",
    "request_tags",
    "occurred_at",
    "began_at",
)


def of_asks(asks: Sequence[HoldAsk]) -> bytes:
    """Encode the argument of `ledger_place_holds`."""
    return msgspec.json.encode(
        [msgspec.structs.replace(ask, amount_usd=at_least(ask.amount_usd)) for ask in asks]
    )


def of_settlements(settlements: Sequence[Settlement]) -> tuple[bytes, bytes]:
    """Encode the arguments of `ledger_settle`: subjects and charges.

    The charges of a settlement with the same key become one row. Raises ValueError if they differ in more
    than kind, price, quantity and review.
    """
    subjects = [{"team_id": done.team_id, "subject_id": done.subject_id} for done in settlements]
    rows = [
        _row_of(done, list(charges))
        for done in settlements
        for _, charges in groupby(done.charges, key=_unique_key)
    ]
    return msgspec.json.encode(subjects), msgspec.json.encode(rows)


def _row_of(done: Settlement, charges: Sequence[Charge]) -> _Row:
    first = charges[0]
    if any(_work(charge) != _work(first) for charge in charges[1:]):
        raise ValueError(f"charges with the same key {first.unique_key!r} must be for the same work")
    prices = [charge.price for charge in charges]
    is_flagged = any(charge.review for charge in charges)
    return _Row(
        team_id=done.team_id,
        unique_key=first.unique_key,
        subject_id=done.subject_id,
        form=_Form(
            key_id=first.key_id,
            model=first.model,
            base_model=first.base_model,
            provider=first.provider,
            method=first.method,
            tags=dict(first.tags),
            request_tags=dict(first.request_tags) or None,
            kinds=[price.kind for price in prices],
            units=[price.unit for price in prices],
            tiers=[price.tier for price in prices],
            price_ids=[price.id for price in prices],
            prices_usd=[price.amount_usd for price in prices],
            unit_quantities=[price.unit_quantity for price in prices],
        ),
        quantities=[charge.quantity for charge in charges],
        states=[charge.review.state if charge.review else None for charge in charges] if is_flagged else None,
        job_id=first.job_id,
        occurred_at=first.occurred_at,
        began_at=first.began_at,
    )


_LISTS = {
    "kind": "kinds",
    "unit": "units",
    "tier": "tiers",
    "price_id": "price_ids",
    "price_usd": "prices_usd",
    "unit_quantity": "unit_quantities",
}


def of_correction(
    *, team_id: str, unique_key: str, subject_id: str, reason: str, form: Mapping[str, Any], **fields: Any
) -> dict[str, Any]:
    """Return one row with one entry, as `ledger_settle` reads it.

    `form` has the fields that the entry shares with others, and `kind`, `unit`, `tier`, `price_id`,
    `price_usd` and `unit_quantity`. `fields` are `quantity` and others of the row.
    """
    shared = {name: value for name, value in form.items() if name not in _LISTS}
    lists = {_LISTS[name]: [value] for name, value in form.items() if name in _LISTS}
    row = {"team_id": team_id, "unique_key": unique_key, "subject_id": subject_id, "reason": reason}
    return row | fields | {"quantities": [fields["quantity"]], "form": shared | lists}
