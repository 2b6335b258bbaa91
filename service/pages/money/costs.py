"""The pages of costs: a pivot, the days of the month, and the entries behind each amount."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup
from sqlalchemy.orm import Session

from service.core.clock import now
from service.core.http.web import RequestSession
from service.errors import InvalidRequest
from service.ledger.closing.months import Month, month_named, present_month
from service.ledger.queries import budget_view
from service.ledger.reports.costs import CostScope, cost_report
from service.ledger.reports.entries import EntryFilter, incomplete_months, list_entries
from service.pages import charts
from service.pages.listing import Column, Field, Listing, amount, more_after, rows_of
from service.pages.money.months import latest_months
from service.pages.render import show
from service.pages.words import dollars, moment, plain, short_model
from service.teams.access import Caller, Reader
from service.teams.idempotency import IdempotentRoute

router = APIRouter(route_class=IdempotentRoute)

_GROUPS = {
    "kind": "Kind",
    "model": "Model",
    "base": "Base model",
    "job": "Job",
    "key": "Key",
    "provider": "Provider",
    "method": "Method",
    "day": "Day",
    "tag": "Tags",
    "team": "Team",
    "department": "Department",
    "cost_center": "Cost center",
}
_OF_ALL_TEAMS = ("team", "department", "cost_center")
_FIELDS = {
    "base": "base_model",
    "job": "job_id",
    "key": "key_id",
    "team": "team_id",
    "department": "department_id",
    "tag": "tags",
}
_NAMES = {"key": "key_name", "team": "team_name", "department": "department_name"}
_FILTERS = ("kind", "model", "job", "key", "provider")
_KINDS = ("training", "inference", "other")
_MOST_ROWS = 500


@dataclass(frozen=True)
class _Span:
    """The month that the page shows."""

    month: Month
    scope: CostScope


@router.get("/costs")
def costs(
    request: Request,
    session: RequestSession,
    caller: Reader,
    group_by: str = "kind",
    then: str = "",
    month: str = "",
) -> Response:
    """Show a month's costs by one or two groups, and by day."""
    shown = month_named(month) if month else present_month()
    span = _Span(shown, CostScope(caller.team_or_all, shown.start, shown.end))
    groups = [name for name in dict.fromkeys((group_by, then)) if name]
    if unknown := [name for name in groups if name not in _GROUPS]:
        raise InvalidRequest(f"Costs cannot be grouped by {unknown[0]!r}.", param="group_by")
    report = cost_report(session, span.scope, groups)
    rows = sorted(report.rows, key=lambda row: row["amount_usd"], reverse=True)
    most = len(rows) if "csv" in request.query_params else _MOST_ROWS
    largest = f", the {most} largest amounts" if len(rows) > most else ""
    listing = Listing(
        "costs",
        f"{shown.name} by {' and '.join(_GROUPS[name].lower() for name in groups)}{largest}",
        (*(Column(_GROUPS[name]) for name in groups), Column("Amount, USD", True), Column("Share", True)),
        [_row(row, groups, report.total_usd, span, caller) for row in rows[:most]],
        empty="Nothing was charged in this month.",
        total=(
            *("Total" if place == 0 else "" for place in range(len(groups))),
            dollars(report.total_usd),
            "",
        ),
    )
    return show(
        request,
        "costs.html",
        lists=[listing],
        month=shown.name,
        months=latest_months(),
        groups={
            name: words
            for name, words in _GROUPS.items()
            if caller.team_id is None or name not in _OF_ALL_TEAMS
        },
        group_by=group_by,
        then=then,
        total=report.total_usd,
        days=_per_day(session, span, caller),
    )


@router.get("/costs/entries")
def entries(
    request: Request,
    session: RequestSession,
    caller: Reader,
    month: str = "",
    kind: str = "",
    model: str = "",
    job_id: str = "",
    key_id: str = "",
    provider: str = "",
    after: str | None = None,
) -> Response:
    """List the ledger's entries behind an amount."""
    shown = month_named(month) if month else None
    wanted = EntryFilter(
        start=shown.start if shown else None,
        end=shown.end if shown else None,
        kind=kind or None,
        model=model or None,
        job_id=job_id or None,
        key_id=key_id or None,
        provider=provider or None,
    )
    found, has_more = list_entries(session, caller.team, wanted, after=after, limit=rows_of(request))
    listing = Listing(
        "entries",
        "Entries",
        (
            Column("Number"),
            Column("When"),
            Column("Kind"),
            Column("Model"),
            Column("Job", only_csv=True),
            Column("Key", only_csv=True),
            Column("Price", only_csv=True),
            Column("Quantity", True),
            Column("Amount, USD", True),
        ),
        [
            (
                Field(str(entry.number), href=f"/jobs/{entry.job_id}" if entry.job_id else None),
                Field(moment(entry.booked_at)),
                Field(plain(entry.kind), sub=_remark(entry.corrects, entry.reason, entry.state)),
                Field(short_model(entry.model or "")),
                Field(entry.job_id or ""),
                Field(entry.key_id or ""),
                Field(entry.price_id or ""),
                Field(
                    f"{entry.quantity.normalize():,f}",
                    sub=entry.unit,
                    exact=f"{entry.quantity.normalize():f}",
                ),
                amount(entry.amount_usd),
            )
            for entry in found
        ],
        empty="No entry matches.",
        more=more_after(request, str(found[-1].number) if found else None, has_more),
    )
    words = [text for text in (month, plain(kind), model, job_id, key_id, provider) if text]
    archived = incomplete_months(session, wanted)
    return show(
        request, "entries.html", lists=[listing], words=", ".join(words), archived=", ".join(archived)
    )


def _remark(corrects: int | None, reason: str | None, state: str | None) -> str:
    if corrects is not None:
        return f"corrects {corrects}: {reason or ''}"
    return state or ""


def _row(
    row: Mapping[str, Any], groups: Sequence[str], total: Decimal, span: _Span, caller: Caller
) -> tuple[Field, ...]:
    charged = row["amount_usd"]
    chosen = {name: _value(row, name) for name in groups}
    return (
        *(
            Field(_words(row, name), href=_drill(chosen, span, caller) if place == 0 else None)
            for place, name in enumerate(groups)
        ),
        amount(charged),
        Field(f"{100 * charged / total:.1f} %" if total else ""),
    )


def _value(row: Mapping[str, Any], name: str) -> Any:
    return row[_FIELDS.get(name, name)]


def _words(row: Mapping[str, Any], name: str) -> str:
    value = _value(row, name)
    shown = row.get(_NAMES.get(name, ""), None) or value
    if isinstance(shown, dict):
        return ", ".join(f"{tag}={text}" for tag, text in sorted(shown.items())) or "none"
    text = "none" if shown is None else str(shown)
    return plain(text) if name == "kind" else short_model(text) if name == "model" else text


def _drill(chosen: Mapping[str, Any], span: _Span, caller: Caller) -> str | None:
    """Return the address of the rows behind an amount; for all teams, of the same costs of one team."""
    month = {"month": span.month.name}
    if caller.is_admin and caller.team_id is not None:
        month["team"] = caller.team_id  # which the address of this page may have named
    if caller.team_id is None:
        team = chosen.get("team")
        return f"/costs?{urlencode(month | {'group_by': 'kind', 'team': team})}" if team else None
    wanted = {
        {"job": "job_id", "key": "key_id"}.get(name, name): value
        for name, value in chosen.items()
        if name in _FILTERS and value is not None
    }
    return f"/costs/entries?{urlencode(month | wanted)}" if len(wanted) == len(chosen) else None


def _per_day(session: Session, span: _Span, caller: Caller) -> Markup | None:
    """Draw the month by day, with what the budget allows a day."""
    report = cost_report(session, span.scope, ["day", "kind"])
    if not report.rows:
        return None
    length = (span.month.end - span.month.start).days
    days = [f"{span.month.start + timedelta(days=place):%Y-%m-%d}" for place in range(length)]
    amounts = {day: [0.0] * len(_KINDS) for day in days}
    for row in report.rows:
        if row["day"] in amounts:
            amounts[row["day"]][_kind_of(row["kind"])] += max(float(row["amount_usd"]), 0)
    today = min(length - 1, (now() - span.month.start).days)
    limit = budget_view(session, caller.team).limit_usd if caller.team_id else None
    recent = [sum(amounts[day]) for day in days[max(0, today - 6) : today + 1]]
    return charts.per_day(
        [day[-2:] for day in days],
        _KINDS,
        [amounts[day] for day in days],
        today,
        forecast=sum(recent) / len(recent),
        budget=float(limit) / length if limit else 0,
        width=1060,
        money=lambda value: f"${value:,.0f}" if value >= 10 else f"${value:.2f}",
    )


def _kind_of(kind: str) -> int:
    return 0 if kind.startswith("training") else 2 if kind == "adjustment" else 1
