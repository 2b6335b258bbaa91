"""The route for cost reports."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from service.core.clock import from_unix
from service.core.http.web import ReportSession, as_text
from service.core.moments import Moment
from service.errors import InvalidRequest
from service.ledger.money import usd
from service.ledger.reports import focus
from service.ledger.reports.costs import CostReport, CostScope, cost_report, groups_of
from service.ledger.reports.exports import csv_response, wants_csv
from service.ledger.reports.schemas import CostsOut
from service.teams.access import Caller, Reader
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1", tags=["money"], route_class=IdempotentRoute)


@router.get("/costs", responses={200: {"model": CostsOut, "content": as_text("text/csv")}})
def costs(
    request: Request,
    session: ReportSession,
    caller: Reader,
    group_by: Annotated[
        list[str],
        Query(
            description=(
                "Up to four fields, by default `kind`: "
                "team, department, cost_center, key, kind, model, base, job, provider, method, day, month, "
                "tag or tag:NAME."
            )
        ),
    ] = ["kind"],  # noqa: B006 - FastAPI copies it
    start_time: Moment | None = None,
    end_time: Moment | None = None,
    format: Annotated[
        Literal["json", "csv", "focus"] | None,
        Query(
            description=(
                "Without it, the Accept header decides. `focus` is a CSV in the columns of FOCUS 1.2, with "
                "one row per day and kind of charge; it ignores `group_by`."
            )
        ),
    ] = None,
    unit_costs: Annotated[
        bool, Query(description="Add the cost per request, per job and per 1,000 tokens.")
    ] = False,
) -> Response:
    """Get costs, grouped by up to four fields: your team's, or those of all teams for admins."""
    scope = read_scope(caller, start_time, end_time)
    if format == "focus":
        return csv_response("focus.csv", focus.COLUMNS, focus.focus_rows(session, scope))
    report = cost_report(session, scope, groups_of(group_by), with_units=unit_costs)
    if wants_csv(request, format):
        return csv_response("costs.csv", report.columns, report.rows)
    return Response(_as_json(report).model_dump_json(), media_type="application/json")


def read_scope(caller: Caller, start_time: int | None, end_time: int | None) -> CostScope:
    """The scope of a caller's report on a time range. Raises `InvalidRequest` if the range is empty."""
    if start_time is not None and end_time is not None and end_time <= start_time:
        raise InvalidRequest("'end_time' must be after 'start_time'.", param="end_time")
    return CostScope(
        team_id=caller.team_or_all,
        start=None if start_time is None else from_unix(start_time),
        end=None if end_time is None else from_unix(end_time),
    )


def _as_json(report: CostReport) -> CostsOut:
    return CostsOut(
        data=[_wire(row) for row in report.rows],
        total_usd=usd(report.total_usd),
        idle_usd=usd(report.idle_usd),
    )


def _wire(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _text(name, value) if isinstance(value, Decimal) else value for name, value in row.items()}


def _text(name: str, number: Decimal) -> str:
    is_amount = name.startswith("usd_") or name.endswith("_usd")
    return usd(number) if is_amount else f"{number.normalize():f}"
