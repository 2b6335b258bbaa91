"""Encode holds, subjects and charges as JSON for the ledger's SQL functions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from service.catalog.price import PriceKind, Unit
from service.ledger.charges import Charge, HoldAsk, Settlement
from service.ledger.forms import FormKey, key_of
from service.ledger.money import at_least

# For callers without a transaction: each statement is a transaction by itself and can be repeated safely.
PLACE_QUICKLY = "SELECT account_id IS NULL FROM ledger_place_holds($1::jsonb, false) ORDER BY place"
SETTLE_QUICKLY = "SELECT FROM ledger_settle($1::jsonb, $2::jsonb, false)"


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
    quantities: list[Decimal | int]
    form: _Form | None = None
    form_id: int | None = None
    states: list[str | None] | None = None
    job_id: str | None = None
    occurred_at: datetime | None = None
    began_at: datetime | None = None


class _Subject(Struct):
    team_id: str
    subject_id: str


_NONE_KNOWN: Mapping[FormKey, int] = MappingProxyType({})
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


class Encoded(NamedTuple):
    """The arguments of `ledger_settle`. `new_forms` are those without an id, each with the key of a row."""

    subjects: bytes
    charges: bytes
    new_forms: Mapping[FormKey, str]


def of_settlements(settlements: Sequence[Settlement], known: Mapping[FormKey, int] = _NONE_KNOWN) -> Encoded:
    """Encode settlements.

    The charges of a settlement with the same key become one row. Its form is written as its id if it is
    `known`. Raises ValueError if the charges differ in more than kind, price, quantity and review.
    """
    subjects = [_Subject(done.team_id, done.subject_id) for done in settlements]
    rows: list[_Row] = []
    new_forms: dict[FormKey, str] = {}
    for done in settlements:
        for charges in _rows(done.charges):
            form = key_of(done.team_id, charges)
            form_id = known.get(form)
            rows.append(_row_of(done, charges, form_id))
            if form_id is None:
                new_forms[form] = charges[0].unique_key
    return Encoded(msgspec.json.encode(subjects), msgspec.json.encode(rows), new_forms)


def _rows(charges: Sequence[Charge]) -> Iterable[Sequence[Charge]]:
    if all(charge.unique_key == charges[0].unique_key for charge in charges):
        return [charges] if charges else []
    return [list(row) for _, row in groupby(charges, key=_unique_key)]


def _row_of(done: Settlement, charges: Sequence[Charge], form_id: int | None) -> _Row:
    first = charges[0]
    if any(_work(charge) != _work(first) for charge in charges[1:]):
        raise ValueError(f"charges with the same key {first.unique_key!r} must be for the same work")
    is_flagged = any(charge.review for charge in charges)
    return _Row(
        team_id=done.team_id,
        unique_key=first.unique_key,
        subject_id=done.subject_id,
        quantities=[charge.quantity for charge in charges],
        form=_form_of(charges) if form_id is None else None,
        form_id=form_id,
        states=[charge.review.state if charge.review else None for charge in charges] if is_flagged else None,
        job_id=first.job_id,
        occurred_at=first.occurred_at,
        began_at=first.began_at,
    )


def _form_of(charges: Sequence[Charge]) -> _Form:
    first, prices = charges[0], [charge.price for charge in charges]
    return _Form(
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
