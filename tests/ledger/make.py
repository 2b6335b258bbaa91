"""Teams, prices and charges for the ledger's tests, created by the service's own actions."""

import itertools
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.catalog.price import Price, PriceKind
from service.catalog.prices import price_at
from service.core import clock
from service.jobs.states import TERMINAL
from service.jobs.tables import Job
from service.ledger.actions import place_hold
from service.ledger.budgets.actions import set_budget
from service.ledger.charges import Charge
from service.teams.tables import Team

_numbers = itertools.count(1)


def team(session: Session, *, limit_usd: str | None = None, period: str = "month") -> str:
    """Create a team, with a budget if there is a limit. Returns its id."""
    number = next(_numbers)
    values = {"id": f"team_{number}", "name": f"Team {number}", "slug": f"t{number}", "metadata": {}}
    session.execute(insert(Team.__table__).values(created_at=clock.now(), **values))
    if limit_usd is not None:
        set_budget(session, values["id"], limit_usd=Decimal(limit_usd), period=period)
    return str(values["id"])


def price(kind: PriceKind = PriceKind.OUTPUT_TOKENS, usd_per_million: str = "10") -> Price:
    """Create a price per million tokens, or per hour."""
    return Price(
        id="price_test",
        provider_kind="trainer",
        model="sandbox-mini",
        method=None,
        kind=kind,
        tier="standard",
        unit_quantity=1 if kind.unit == "hours" else 1_000_000,
        amount_usd=Decimal(usd_per_million),
        effective_from=datetime(2025, 1, 1, tzinfo=UTC),
    )


def charge(unique_key: str, quantity: int = 10_000, **fields: object) -> Charge:
    """A charge, by default for ten cents of output tokens, whose work began when it occurred."""
    kind = fields.pop("kind", PriceKind.OUTPUT_TOKENS)
    assert isinstance(kind, PriceKind)
    defaults: dict[str, object] = {
        "kind": kind,
        "price": price(kind),
        "model": "sandbox-mini",
        "base_model": "sandbox-mini",
        "provider": "trainer",
        "began_at": fields.get("occurred_at"),
    }
    return Charge(quantity=quantity, unique_key=unique_key, **(defaults | fields))  # type: ignore[arg-type]


def make_job(session: Session, team_id: str, job_id: str, **fields: object) -> Job:
    """Insert a job with a hold of one dollar and without a work item."""
    now = clock.now()
    defaults: dict[str, object] = {
        "key_id": "key_1",
        "model": "sandbox-mini",
        "base_model": "sandbox-mini",
        "provider": "trainer",
        "provider_model": "sandbox-mini",
        "method_type": "supervised",
        "method": {"type": "supervised", "supervised": {}},
        "training_file": "file-1",
        "integrations": [],
        "result_files": [],
        "status": "running",
        "estimated_cost_usd": Decimal(1),
        "created_at": now,
        "changed_at": now,
    }
    if fields.get("status") in TERMINAL:
        defaults["finished_at"] = now
    job = Job(id=job_id, team_id=team_id, **(defaults | fields))
    hourly = job.billed_by == "hours"
    job.price_id = price_at(
        session,
        provider_kind=job.provider,
        model=job.base_model,
        kind=PriceKind.TRAINING_HOURS if hourly else PriceKind.TRAINING_TOKENS,
        method=job.method_type,
    ).id
    session.add(job)
    session.flush()
    place_hold(session, team_id=team_id, subject_id=job_id, amount_usd=Decimal(1), key_id=job.key_id)
    return job
