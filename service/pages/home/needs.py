"""What needs a person: failed and paused jobs, shutdowns, budgets that will not last."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from service.jobs.schemas import JobOut
from service.ledger.budgets.schemas import BudgetOut
from service.models.shutdowns.schemas import ShutdownOut
from service.pages.jobs.rows import title_of
from service.pages.words import dollars, moment

_SOON_DAYS = 120


@dataclass(frozen=True)
class Need:
    """One thing to look at: what it is, why, and the page to open."""

    icon: str
    what: str
    why: str
    href: str
    action: str


def needs_of(jobs: Sequence[JobOut], shutdowns: Sequence[ShutdownOut], budget: BudgetOut) -> list[Need]:
    """Return what needs the team, the most urgent first."""
    return [*_of_budget(budget), *_of_shutdowns(shutdowns), *_of_jobs(jobs)]


def _of_budget(budget: BudgetOut) -> list[Need]:
    if budget.limit_usd is None or budget.forecast is None or budget.forecast.exhausted_at is None:
        return []
    if Decimal(budget.remaining_usd or 0) <= 0:
        return [
            Need("budget", "The budget is used up", "New jobs and requests are refused.", "/budget", "See it")
        ]
    day = moment(budget.forecast.exhausted_at)[:10]
    return [
        Need(
            "budget",
            f"The budget will be used up on {day}",
            f"{dollars(budget.remaining_usd)} of {dollars(budget.limit_usd)} is left.",
            "/budget",
            "See it",
        )
    ]


def _of_shutdowns(shutdowns: Sequence[ShutdownOut]) -> list[Need]:
    own = [one for one in shutdowns if one.model_count or one.aliases]
    return [
        Need(
            "clock",
            f"{one.model} shuts down on {one.shutdown_date}",
            _affected(one),
            "/shutdowns",
            "See the models",
        )
        for one in own
        if one.days_left <= _SOON_DAYS
    ]


def _affected(one: ShutdownOut) -> str:
    models = f"{one.model_count} tuned model{'s' if one.model_count != 1 else ''} stop answering"
    return f"{models}. Aliases: {', '.join(one.aliases)}." if one.aliases else f"{models}."


def _of_jobs(jobs: Sequence[JobOut]) -> list[Need]:
    found = []
    for job in jobs:
        if job.status == "failed":
            why = job.error.message or "The provider gave no reason."
            found.append(Need("alert", f"{title_of(job)} failed", why[:160], f"/jobs/{job.id}", "See why"))
        elif job.status == "paused":
            found.append(
                Need(
                    "clock",
                    f"{title_of(job)} is paused",
                    "It continues when you resume it.",
                    f"/jobs/{job.id}",
                    "Open",
                )
            )
    return found
