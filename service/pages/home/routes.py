"""The first page: of a team, or of all teams for an admin who has chosen none."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from service.app.status import status
from service.core.clock import now
from service.core.http.web import RequestSession
from service.jobs.queries import list_jobs
from service.ledger.budgets.routes import retrieve_organization_budget, retrieve_team_budget
from service.ledger.closing.months import present_month
from service.ledger.reports.costs import CostScope, cost_report
from service.models.aliases.routes import list_aliases
from service.models.shutdowns.routes import list_shutdowns
from service.models.shutdowns.schemas import ShutdownOut
from service.pages.home.needs import Need, needs_of
from service.pages.jobs.rows import COLUMNS, jobs_out, row_of
from service.pages.listing import Column, Field, Listing, amount
from service.pages.render import show
from service.settings import settings
from service.teams.access import Caller, CurrentCaller
from service.teams.idempotency import IdempotentRoute
from service.teams.keys.scopes import Scope

router = APIRouter(route_class=IdempotentRoute)

_LATEST_JOBS = 8


@router.get("/")
def home(request: Request, session: RequestSession, caller: CurrentCaller) -> Response:
    """Show what needs attention, the budget, the latest jobs and the models in use."""
    if caller.team_id is None:
        return _of_all_teams(request, session, caller)
    caller.require_scope(Scope.READ)
    budget = retrieve_team_budget(caller.team, session, caller)
    jobs = jobs_out(
        session,
        caller.team,
        list_jobs(session, caller.team, after=None, limit=_LATEST_JOBS, metadata=None).rows,
    )
    aliases = list_aliases(session, caller).data
    shutdowns = list_shutdowns(session, caller).data
    return show(
        request,
        "home.html",
        lists=[
            Listing(
                "jobs",
                "Latest jobs",
                COLUMNS,
                [row_of(job) for job in jobs],
                empty="No job yet. Upload data, then train a model on it.",
            ),
            Listing(
                "aliases",
                "Models in use",
                (Column("Alias"), Column("Model")),
                [
                    (Field(alias.name, href=f"/aliases/{alias.name}"), Field(alias.model or ""))
                    for alias in aliases
                ],
                empty="No alias yet. An alias is a name of your own that points at a model.",
            ),
        ],
        budget=budget,
        month=f"{now():%B}",
        needs=needs_of(jobs, shutdowns, budget),
        shutdowns=_own(shutdowns),
        base=settings().public_url,
        alias=aliases[0].name if aliases else None,
    )


def _of_all_teams(request: Request, session: Session, caller: Caller) -> Response:
    month = present_month()
    report = cost_report(session, CostScope(None, month.start, month.end), ["team"])
    rows = sorted(report.rows, key=lambda row: row["amount_usd"], reverse=True)
    budget = retrieve_organization_budget(session, caller)
    teams = Listing(
        "teams",
        f"Spent in {month.name}",
        (Column("Team"), Column("Spent, USD", right=True)),
        [
            (
                Field(row["team_name"] or row["team_id"], href=f"/costs?group_by=kind&team={row['team_id']}"),
                amount(row["amount_usd"]),
            )
            for row in rows
        ],
        empty="Nothing was spent this month.",
    )
    return show(
        request,
        "home_all.html",
        lists=[teams],
        budget=budget,
        month=f"{now():%B}",
        whole=status(),
        needs=_admin_needs(),
    )


def _own(shutdowns: list[ShutdownOut]) -> list[ShutdownOut]:
    return [one for one in shutdowns if one.model_count or one.aliases]


def _admin_needs() -> list[Need]:
    whole = status()
    found = []
    for part in (whole.database, whole.storage, whole.broker, whole.workers):
        if part is not None and part.problem:
            found.append(Need("alert", part.problem, "", "/admin/status", "See the status"))
    for blocked in whole.blocked_providers or ():
        found.append(
            Need(
                "alert",
                f"{blocked.name} receives no jobs",
                ", ".join(blocked.blocks),
                "/admin/providers",
                "See the provider",
            )
        )
    if whole.backlog is not None and whole.backlog.failing:
        found.append(
            Need("work", f"{whole.backlog.failing} units of work keep failing", "", "/admin/work", "See them")
        )
    return found
