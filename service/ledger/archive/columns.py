"""The columns of an archived month's file: those of the view `ledger_entries`, but for what indexes need."""

from collections.abc import Mapping
from typing import Literal

from service.ledger.tables import AMOUNT, PRICE, QUANTITY

Kind = Literal["text", "integer", "boolean", "decimal", "time", "json"]

COLUMNS: Mapping[str, Kind] = {
    "team_id": "text",
    "number": "integer",
    "unique_key": "text",
    "subject_id": "text",
    "kind": "text",
    "quantity": "decimal",
    "unit": "text",
    "unit_quantity": "integer",
    "price_usd": "decimal",
    "price_id": "text",
    "tier": "text",
    "amount_usd": "decimal",
    "key_id": "text",
    "job_id": "text",
    "model": "text",
    "base_model": "text",
    "provider": "text",
    "method": "text",
    "tags": "json",
    "corrects": "integer",
    "reason": "text",
    "occurred_at": "time",
    "booked_at": "time",
    "recorded_at": "time",
    "state": "text",
    "in_month_budget": "boolean",
    "department_id": "text",
    "cost_center": "text",
}
DECIMALS = {"quantity": QUANTITY, "price_usd": PRICE, "amount_usd": AMOUNT}
NAMES = ", ".join(COLUMNS)

# Decimals leave the database as text and times as microseconds, from which Arrow makes its own types.
_SELECTED: Mapping[Kind, str] = {
    "decimal": "{}::text",
    "json": "{}::text",
    "time": "(extract(epoch FROM {}) * 1000000)::bigint",
}


def selected() -> str:
    """The columns as a SELECT list whose values `parquet.write` takes."""
    return ", ".join(_SELECTED.get(kind, "{}").format(name) for name, kind in COLUMNS.items())
