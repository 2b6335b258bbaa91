"""Repricing, closed months, statements and reconciliation reports on the wire."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from sqlalchemy.orm import Session

from service.core.clock import from_unix, unix
from service.core.http.wire import Name, WireIn, WireOut
from service.ledger.closing.reprice import RepricePlan, RepriceRange, TeamPlan
from service.ledger.closing.statement import SECTIONS, MonthStatement
from service.ledger.closing.tables import DriftReport
from service.ledger.fields import Moment
from service.ledger.money import usd
from service.ledger.reports.names import names_of
from service.teams.tables import Team


class RepriceIn(WireIn):
    """The charges to reprice: all in the time range that the price `price_id` applies to.

    Without `confirm`, this is a dry run. Send the `confirm` of its answer to make exactly those changes.
    """

    price_id: Name
    start_time: Moment
    end_time: Moment
    team_id: Name | None = None
    reason: Name
    confirm: Name | None = None

    @model_validator(mode="after")
    def _range_is_one(self) -> "RepriceIn":
        if self.end_time <= self.start_time:
            raise ValueError("'end_time' must be after 'start_time'")
        return self

    @property
    def range(self) -> RepriceRange:
        """Convert to the ledger's type."""
        return RepriceRange(self.price_id, from_unix(self.start_time), from_unix(self.end_time), self.team_id)


class TeamChange(WireOut):
    """The changes for one team. Corrections of closed months are booked in the current month."""

    team_id: str
    team_name: str | None
    entries: int
    closed_entries: int
    old_usd: str
    new_usd: str
    difference_usd: str


class RepriceOut(WireOut):
    """What repricing has changed, or would change if `dry_run` is true."""

    object: Literal["price.reprice"] = "price.reprice"
    dry_run: bool
    price_id: str
    confirm: str
    entries: int
    old_usd: str
    new_usd: str
    difference_usd: str
    teams: list[TeamChange]


class MonthClose(WireIn):
    """The month to close, with all months before it."""

    month: Annotated[str, Field(examples=["2026-10"])]


class MonthClosed(WireOut):
    """A closed month. `teams` counts the teams for which this request closed it."""

    object: Literal["month.close"] = "month.close"
    month: str
    teams: int


class StatementLine(WireOut):
    """One line of a statement: one kind of usage of one model at one price.

    Shared costs have a description.
    """

    section: str
    department_id: str | None
    department_name: str | None
    cost_center: str | None
    description: str | None
    provider: str | None
    base_model: str | None
    model: str | None
    kind: str
    quantity: str
    unit: str
    price_id: str | None
    price_usd: str | None
    price_per: int | None
    amount_usd: str


class StatementOut(WireOut):
    """A team's statement for a month. It is final once `status` is "closed"."""

    object: Literal["cost_statement"] = "cost_statement"
    team_id: str
    team_name: str
    invoice_id: str | None
    month: str
    status: Literal["open", "closed"]
    lines: list[StatementLine]
    training_usd: str
    inference_usd: str
    shared_usd: str
    adjustments_usd: str
    total_usd: str


class StatementsOut(WireOut):
    """The statements of one month: your team's, or those of all teams for admins."""

    object: Literal["list"] = "list"
    data: list[StatementOut]
    total_usd: str
    has_more: Literal[False] = False


class DriftOut(WireOut):
    """One difference between the ledger and a provider's records; the guide lists the values of `what`."""

    what: str
    job_id: str
    ours: str
    theirs: str


class DriftReportOut(WireOut):
    """The differences for one day at one provider. `theirs_usd` is null if it does not publish its costs."""

    object: Literal["drift_report"] = "drift_report"
    id: str
    provider: str
    day: str
    created_at: int
    jobs_compared: int
    ours_usd: str
    theirs_usd: str | None
    difference_usd: str | None
    drifts: list[DriftOut]


HEAD_COLUMNS = ("team_id", "team_name", "invoice_id", "month", "status")
LINE_COLUMNS = (*HEAD_COLUMNS, *StatementLine.model_fields)


def reprice_out(session: Session, plan: RepricePlan, *, is_dry_run: bool) -> RepriceOut:
    """The wire form of a plan, with the names of teams."""
    names = names_of(session, Team, (team.team_id for team in plan.teams))
    old = sum((team.old_usd for team in plan.teams), Decimal(0))
    new = sum((team.new_usd for team in plan.teams), Decimal(0))
    return RepriceOut(
        dry_run=is_dry_run,
        price_id=plan.price.id,
        confirm=plan.confirm,
        entries=sum(team.entries for team in plan.teams),
        old_usd=usd(old),
        new_usd=usd(new),
        difference_usd=usd(new - old),
        teams=[_team_change(team, names.get(team.team_id)) for team in plan.teams],
    )


def _team_change(team: TeamPlan, team_name: str | None) -> TeamChange:
    return TeamChange(
        team_id=team.team_id,
        team_name=team_name,
        entries=team.entries,
        closed_entries=team.closed_entries,
        old_usd=usd(team.old_usd),
        new_usd=usd(team.new_usd),
        difference_usd=usd(team.new_usd - team.old_usd),
    )


def statement_out(statement: MonthStatement) -> StatementOut:
    """The wire form of a statement."""
    sections: dict[str, Any] = {f"{name}_usd": usd(statement.section_usd(name)) for name in SECTIONS}
    return StatementOut(
        team_id=statement.team_id,
        team_name=statement.team_name,
        invoice_id=statement.invoice_id,
        month=statement.month.name,
        status="closed" if statement.is_closed else "open",
        lines=[
            StatementLine(
                section=line["section"],
                department_id=line["department_id"],
                department_name=line["department_name"],
                cost_center=line["cost_center"],
                description=line["description"],
                provider=line["provider"],
                base_model=line["base_model"],
                model=line["model"],
                kind=line["kind"],
                quantity=f"{line['quantity'].normalize():f}",
                unit=line["unit"],
                price_id=line["price_id"],
                price_usd=None if line["price_usd"] is None else usd(line["price_usd"]),
                price_per=line["unit_quantity"],
                amount_usd=usd(line["amount_usd"]),
            )
            for line in statement.lines
        ],
        total_usd=usd(statement.total_usd),
        **sections,
    )


def drift_report_out(report: DriftReport) -> DriftReportOut:
    """The wire form of a drift report."""
    theirs = report.theirs_usd
    return DriftReportOut(
        id=report.id,
        provider=report.provider,
        day=report.day.isoformat(),
        created_at=unix(report.created_at),
        jobs_compared=report.jobs_compared,
        ours_usd=usd(report.ours_usd),
        theirs_usd=None if theirs is None else usd(theirs),
        difference_usd=None if theirs is None else usd(theirs - report.ours_usd),
        drifts=[DriftOut(**drift) for drift in report.drifts],
    )
