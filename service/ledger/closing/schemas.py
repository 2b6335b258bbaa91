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
    """The charges to reprice: all in the time range that the price applies to."""

    price_id: Name
    """The id of the price to charge instead."""
    start_time: Moment
    """The first moment of the range, in unix seconds."""
    end_time: Moment
    """The moment after the range, in unix seconds."""
    team_id: Name | None = None
    """Only this team's charges; null for all teams."""
    reason: Name
    """Why, as the audit log records it."""
    confirm: Name | None = None
    """The `confirm` of a dry run's answer, to make exactly its changes; null for a dry run."""

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
    """The changes for one team."""

    team_id: str
    team_name: str | None
    entries: int
    """Entries that are repriced."""
    closed_entries: int
    """Those in closed months, whose corrections are booked in the current month."""
    old_usd: str
    """What they were charged."""
    new_usd: str
    """What they are charged now."""
    difference_usd: str
    """`new_usd` less `old_usd`."""


class RepriceOut(WireOut):
    """What repricing has changed, or would change."""

    object: Literal["price.reprice"] = "price.reprice"
    dry_run: bool
    """Whether nothing was changed."""
    price_id: str
    confirm: str
    """Send this to make exactly these changes."""
    entries: int
    """Entries that are repriced."""
    old_usd: str
    """What they were charged."""
    new_usd: str
    """What they are charged now."""
    difference_usd: str
    """`new_usd` less `old_usd`."""
    teams: list[TeamChange]
    """The changes by team."""


class MonthClose(WireIn):
    """The month to close."""

    month: Annotated[str, Field(examples=["2026-10"])]
    """A past calendar month (UTC), closed with all months before it."""


class MonthClosed(WireOut):
    """A closed month."""

    object: Literal["month.close"] = "month.close"
    month: str
    """The calendar month (UTC)."""
    teams: int
    """The teams for which this request closed it; 0 if it was closed already."""


class StatementLine(WireOut):
    """One line of a statement: one kind of usage of one model at one price."""

    section: str
    """`training`, `inference`, `shared` or `adjustments`."""
    department_id: str | None
    """The department at the time of the use; null for none."""
    department_name: str | None
    """The department's current name; null for none."""
    cost_center: str | None
    """The cost center at the time of the use; null for none."""
    description: str | None
    """The name of a shared cost; null for other lines."""
    reason: str | None
    """Why an adjustment was booked; null for other lines."""
    entry_number: int | None
    """The number of the ledger entry that an adjustment corrects; null for none, and for several."""
    provider: str | None
    """The provider; null for shared costs and adjustments without one."""
    base_model: str | None
    """The base; null for shared costs and adjustments without one."""
    model: str | None
    """The model that was used or trained; null for lines without one."""
    kind: str
    """What is charged, such as `training_tokens` or `output_tokens`."""
    quantity: str
    """How much, in `unit`, as a decimal number."""
    unit: str
    """The unit of `quantity`."""
    price_id: str | None
    """The id of the price; null for lines without one."""
    price_usd: str | None
    """The price of `price_per` units; null for lines without one."""
    price_per: int | None
    """How many units `price_usd` is for; null for lines without a price."""
    amount_usd: str
    """The amount of the line."""

    @property
    def why(self) -> str:
        """The reason and the entry of an adjustment, for people; empty for other lines."""
        return (self.reason or "") + (f" (entry {self.entry_number})" if self.entry_number else "")


class StatementOut(WireOut):
    """A team's statement for a month."""

    object: Literal["cost_statement"] = "cost_statement"
    team_id: str
    team_name: str
    """The team's current name."""
    invoice_id: str | None
    """The statement's invoice id in FOCUS exports; null while the month is open."""
    month: str
    """The calendar month (UTC)."""
    status: Literal["open", "closed"]
    """Whether the month is closed. Only then is the statement final."""
    lines: list[StatementLine]
    """The lines, by section."""
    training_usd: str
    """The sum of the section `training`."""
    inference_usd: str
    """The sum of the section `inference`."""
    shared_usd: str
    """The sum of the section `shared`."""
    adjustments_usd: str
    """The sum of the section `adjustments`."""
    total_usd: str
    """The sum of all lines."""


class StatementsOut(WireOut):
    """The statements of one month: your team's, or those of all teams for admins."""

    object: Literal["list"] = "list"
    data: list[StatementOut]
    total_usd: str
    """The sum of the statements."""
    has_more: Literal[False] = False


class DriftOut(WireOut):
    """One difference between the ledger and a provider's records."""

    what: str
    """`charged`, `ended`, `missing_here` or `missing_there`; the guide on costs explains them."""
    job_id: str
    """The id of our job, or the provider's if we have none."""
    ours: str
    """What our records say."""
    theirs: str
    """What the provider says."""


class DriftReportOut(WireOut):
    """The differences for one day at one provider."""

    object: Literal["drift_report"] = "drift_report"
    id: str
    provider: str
    day: str
    """The day (ISO 8601, UTC)."""
    created_at: int
    jobs_compared: int
    """How many jobs were compared."""
    ours_usd: str
    """What we charged for training on that day."""
    theirs_usd: str | None
    """What the provider charged; null if it does not publish its costs."""
    difference_usd: str | None
    """`theirs_usd` less `ours_usd`; null without `theirs_usd`."""
    drifts: list[DriftOut]
    """The differences; empty if everything agrees."""


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
                reason=line["reason"],
                entry_number=line["entry_number"],
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
