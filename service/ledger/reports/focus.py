"""Export costs in the FinOps Foundation's format: FOCUS 1.2, "Cost and Usage".

There is one row per day and kind of charge.

The specification lets us omit columns for features that Tunehouse lacks (commitments, regions, capacity,
other currencies). Our own columns begin with `x_`. A correction in the same month is merged into the charge
that it corrects; one of an earlier month gets its own row with the class "Correction".
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, String, case, cast, func, null, select, union_all
from sqlalchemy.orm import Session

from service.catalog.price import PriceKind
from service.catalog.tables import PriceRow
from service.ledger.archive.queries import WHOLE_DAYS, refuse_archived
from service.ledger.closing.months import closed_until
from service.ledger.departments.tables import Department
from service.ledger.kinds import NOT_USE
from service.ledger.reports.costs import CostScope
from service.ledger.rollups.sums import booked, part_days, read
from service.ledger.tables import Entry
from service.teams.keys.tables import ApiKey
from service.teams.tables import Team

COLUMNS = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "Tags",
    "x_BaseModel",
    "x_CostCenter",
    "x_Department",
    "x_InvoiceStatus",
    "x_JobId",
    "x_KeyId",
    "x_KeyName",
    "x_Method",
    "x_Tier",
)

_NAMES = (
    "team_id",
    "key_id",
    "kind",
    "unit",
    "tier",
    "model",
    "base_model",
    "provider",
    "method",
    "job_id",
    "department_id",
    "cost_center",
)


def focus_rows(session: Session, scope: CostScope) -> Iterator[dict[str, Any]]:
    """Yield the charges of a scope as rows with all `COLUMNS`. `BilledCost` adds up to the report's total."""
    refuse_archived(session, part_days(scope.start, scope.end), param="start_time", remedy=WHOLE_DAYS)
    usual, earlier = _usual(scope), _corrections(scope)
    charges = union_all(usual, earlier).subquery("charges")
    keys = [charges.c[name] for name in (*_NAMES, "price_id", "tags", "day", "charge_class")]
    prices = PriceRow.amount_usd.label("price_usd"), PriceRow.unit_quantity, PriceRow.model.label("sku")
    query = (
        select(
            *keys,
            *prices,
            Team.name.label("team_name"),
            Department.name.label("department_name"),
            ApiKey.name.label("key_name"),
            func.sum(charges.c.quantity).label("quantity"),
            func.sum(charges.c.amount_usd).label("amount_usd"),
        )
        .join_from(charges, Team, Team.id == charges.c.team_id)
        .join(PriceRow, PriceRow.id == charges.c.price_id, isouter=True)
        .join(Department, Department.id == charges.c.department_id, isouter=True)
        .join(ApiKey, ApiKey.id == charges.c.key_id, isouter=True)
        .group_by(
            *keys,
            PriceRow.amount_usd,
            PriceRow.unit_quantity,
            PriceRow.model,
            Team.name,
            Department.name,
            ApiKey.name,
        )
        .order_by(charges.c.day, *keys)
    )
    closed = closed_until(session)
    for row in read(session, query):
        if row["quantity"] or row["amount_usd"]:
            yield _focus_row(row, closed)


def _usual(scope: CostScope) -> Select[tuple[object, ...]]:
    entries = booked(scope.team_id, scope.start, scope.end)
    columns = [entries.c[name] for name in (*_NAMES, "price_id", "tags", "day", "quantity", "amount_usd")]
    return select(*columns, cast(null(), String).label("charge_class")).where(~entries.c.is_correction)


def _corrections(scope: CostScope) -> Select[tuple[object, ...]]:
    """Select all corrections, marking those of earlier months. Read from the rows, since there are few."""
    columns = [getattr(Entry, name) for name in (*_NAMES, "price_id", "tags")]
    of_earlier = func.ledger_month(Entry.occurred_at) < func.ledger_month(Entry.booked_at)
    query = select(
        *columns,
        func.ledger_day(Entry.booked_at).label("day"),
        Entry.quantity,
        Entry.amount_usd,
        case((of_earlier, "Correction")).label("charge_class"),
    ).where(Entry.corrects.is_not(None))
    if scope.team_id is not None:
        query = query.where(Entry.team_id == scope.team_id)
    if scope.start is not None:
        query = query.where(Entry.booked_at >= scope.start)
    if scope.end is not None:
        query = query.where(Entry.booked_at < scope.end)
    return query


def _focus_row(row: Mapping[Any, Any], closed_until: date | None) -> dict[str, Any]:
    kind, day, amount = row["kind"], row["day"], _number(row["amount_usd"])
    adjusts = kind in NOT_USE
    per = row["unit_quantity"]
    unit_price = None if row["price_usd"] is None else _number(row["price_usd"])
    month = day.replace(day=1)
    return {
        "BilledCost": amount,
        "BillingAccountId": "tunehouse",
        "BillingAccountName": "Tunehouse",
        "BillingCurrency": "USD",
        "BillingPeriodEnd": _midnight((month + timedelta(days=32)).replace(day=1)),
        "BillingPeriodStart": _midnight(month),
        "ChargeCategory": "Adjustment" if adjusts else "Usage",
        "ChargeClass": row["charge_class"],
        "ChargeDescription": _description(kind, row["model"]),
        "ChargeFrequency": "One-Time" if adjusts else "Usage-Based",
        "ChargePeriodEnd": _midnight(day + timedelta(days=1)),
        "ChargePeriodStart": _midnight(day),
        "ConsumedQuantity": None if adjusts else _number(row["quantity"]),
        "ConsumedUnit": None if adjusts else row["unit"].capitalize(),
        "ContractedCost": amount,
        "ContractedUnitPrice": unit_price,
        "EffectiveCost": amount,
        # A month that is not closed has a provisional invoice under the same id.
        "InvoiceId": f"{row['team_id']}:{month:%Y-%m}",
        "InvoiceIssuerName": row["provider"] or "Tunehouse",
        "ListCost": amount,
        "ListUnitPrice": unit_price,
        "PricingCategory": None if adjusts else "Standard",
        "PricingQuantity": None if per is None else _number(row["quantity"] / per),
        "PricingUnit": None if per is None else _pricing_unit(row["unit"], per),
        "ProviderName": row["provider"] or "Tunehouse",
        "PublisherName": row["provider"] or "Tunehouse",
        "ResourceId": row["model"],
        "ResourceName": row["model"],
        "ResourceType": None if row["model"] is None else "Model",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": _service(kind),
        "ServiceSubcategory": "Generative AI",
        "SkuId": None if row["sku"] is None else f"{row['sku']}/{kind}/{row['tier']}",
        "SkuPriceId": row["price_id"],
        "SubAccountId": row["team_id"],
        "SubAccountName": row["team_name"],
        "Tags": json.dumps(row["tags"], ensure_ascii=False, sort_keys=True),
        "x_BaseModel": row["base_model"],
        "x_CostCenter": row["cost_center"],
        "x_Department": row["department_name"],
        "x_InvoiceStatus": "issued" if closed_until and month <= closed_until else "provisional",
        "x_JobId": row["job_id"],
        "x_KeyId": row["key_id"],
        "x_KeyName": row["key_name"],
        "x_Method": row["method"],
        "x_Tier": row["tier"],
    }


def _description(kind: str, model: str | None) -> str:
    text = kind.replace("_", " ").capitalize()
    return text if model is None else f"{text} of {model}"


def _service(kind: str) -> str:
    if kind in NOT_USE:
        return "Tunehouse"
    return "Fine-tuning" if PriceKind(kind).is_training else "Inference"


def _number(value: Decimal) -> str:
    """Return plain decimals with a point, so that readers of CSV do not take a column for integers."""
    text = f"{value.normalize():f}"
    return text if "." in text else f"{text}.0"


def _midnight(day: date) -> str:
    return f"{day:%Y-%m-%d}T00:00:00Z"


def _pricing_unit(unit: str, per: int) -> str:
    return unit.capitalize() if per == 1 else f"{per} {unit.capitalize()}"
