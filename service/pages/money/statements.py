"""The page of monthly statements, made for print too."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.core.http.web import RequestSession
from service.ledger.closing.months import month_named, present_month
from service.ledger.closing.routes import list_drift_reports
from service.ledger.closing.schemas import StatementOut, statement_out
from service.ledger.closing.statement import statements as find_statements
from service.pages.listing import Column, Field, Listing, amount
from service.pages.money.months import latest_months
from service.pages.render import show
from service.pages.words import plain, short_model
from service.teams.access import Reader
from service.teams.idempotency import IdempotentRoute

router = APIRouter(route_class=IdempotentRoute)


@router.get("/statements")
def statements(request: Request, session: RequestSession, caller: Reader, month: str = "") -> Response:
    """Show the statement of a month: the team's, or every team's for an admin."""
    shown = month_named(month) if month else present_month()
    found = [statement_out(one) for one in find_statements(session, shown, caller.team_or_all)]
    tables = [(one, _lines(one, f"statement-{place}")) for place, one in enumerate(found)]
    drift = Listing("drift", "", (), [])
    if caller.is_admin and caller.team_id is None:
        drift = Listing(
            "drift",
            "Against the providers' bills, latest days",
            (
                Column("Day"),
                Column("Provider"),
                Column("Ours, USD", True),
                Column("Theirs, USD", True),
                Column("Difference, USD", True),
                Column("Differences", True),
            ),
            [
                (
                    Field(one.day),
                    Field(one.provider),
                    amount(one.ours_usd),
                    amount(one.theirs_usd),
                    amount(one.difference_usd),
                    Field(str(len(one.drifts)) if one.drifts else ""),
                )
                for one in list_drift_reports(session, caller, limit=31).data
            ],
            empty="No day has been compared yet.",
        )
    return show(
        request,
        "statements.html",
        lists=[*(table for _, table in tables), drift],
        tables=tables,
        month=shown.name,
        months=latest_months(),
        compares=bool(drift.columns),
    )


def _lines(statement: StatementOut, name: str) -> Listing:
    return Listing(
        name,
        f"{statement.team_name}, {statement.month}",
        (
            Column("Section"),
            Column("Model"),
            Column("Kind"),
            Column("Cost center", only_csv=True),
            Column("Quantity", True),
            Column("Price", True),
            Column("Amount, USD", True),
        ),
        [
            (
                Field(line.section),
                Field(short_model(line.model or "")),
                Field(plain(line.kind), sub=line.why),
                Field(line.cost_center or ""),
                Field(line.quantity, sub=line.unit),
                Field(
                    f"{line.price_usd} per {line.price_per:,}" if line.price_usd and line.price_per else ""
                ),
                amount(line.amount_usd),
            )
            for line in statement.lines
        ],
        empty="Nothing was charged in this month.",
        total=("Total", "", "", "", "", "", statement.total_usd),
    )
