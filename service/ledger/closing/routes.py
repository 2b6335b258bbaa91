"""Routes for statements, closing months and reconciliation reports."""

from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import select

from service.core.http.pages import ListOut, fetch_page, list_out
from service.core.http.web import RequestSession, as_text
from service.ledger.closing.html import HEADERS, statements_page
from service.ledger.closing.months import close_month, month_named
from service.ledger.closing.schemas import (
    HEAD_COLUMNS,
    LINE_COLUMNS,
    DriftReportOut,
    MonthClose,
    MonthClosed,
    StatementsOut,
    drift_report_out,
    statement_out,
)
from service.ledger.closing.statement import statements
from service.ledger.closing.tables import DriftReport
from service.ledger.money import usd
from service.ledger.reports.exports import csv_response, wants, wants_csv
from service.ledger.shared.actions import book_until
from service.teams.access import Admin, Reader
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1/costs", tags=["money"], route_class=IdempotentRoute)

MonthName = Annotated[str, Query(description="A calendar month (UTC), such as 2026-11.")]


@router.get(
    "/statement", responses={200: {"model": StatementsOut, "content": as_text("text/csv", "text/html")}}
)
def retrieve_statement(
    request: Request,
    session: RequestSession,
    caller: Reader,
    month: MonthName,
    format: Annotated[
        Literal["json", "csv", "html"] | None, Query(description="Without it, the Accept header decides.")
    ] = None,
) -> Response:
    """Get a month's statement: your team's, or every team's for admins. `html` is a page to print."""
    team_id = caller.team_or_all
    found = statements(session, month_named(month), team_id)
    data = [statement_out(statement) for statement in found]
    if wants(request, "text/html", format):
        return HTMLResponse(statements_page(data), headers=HEADERS)
    if wants_csv(request, format):
        rows = [
            {name: getattr(one, name) for name in HEAD_COLUMNS} | line.model_dump()
            for one in data
            for line in one.lines
        ]
        return csv_response(f"statement-{month}.csv", LINE_COLUMNS, rows)
    total = sum((statement.total_usd for statement in found), Decimal(0))
    answer = StatementsOut(data=data, total_usd=usd(total))
    return Response(answer.model_dump_json(), media_type="application/json")


@router.post("/close")
def close(body: MonthClose, session: RequestSession, _: Admin) -> MonthClosed:
    """Close a month and all before it, for all teams. Later charges are booked in the current month."""
    month = month_named(body.month)
    book_until(session, month)
    return MonthClosed(month=month.name, teams=close_month(session, month))


@router.get("/reconciliation")
def list_drift_reports(
    session: RequestSession,
    _: Admin,
    provider: Annotated[str | None, Query(description="Only of this provider, by its name.")] = None,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> ListOut[DriftReportOut]:
    """List the differences between the ledger and the providers' records, by day, newest first."""
    rows = select(DriftReport)
    if provider is not None:
        rows = rows.where(DriftReport.provider == provider)
    page = fetch_page(
        session, rows, sort=DriftReport.created_at, id_=DriftReport.id, after=after, limit=limit
    )
    return list_out([drift_report_out(row) for row in page.rows], page.has_more)
