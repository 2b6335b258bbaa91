"""The state of the whole installation, for dashboards and people; balancers ask for `readyz`."""

from typing import Literal

from fastapi import APIRouter
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from service.app.readiness import DATABASE, STORAGE, Check
from service.core import heartbeat
from service.core.broker.redis_clients import redis_client
from service.core.db import transaction
from service.core.http.wire import WireOut
from service.core.work import WorkItem
from service.errors import TunehouseError, Unavailable
from service.jobs.blocks import standing_blocks
from service.settings import settings
from service.settings.redis import parse

router = APIRouter(tags=["operations"])

_FRESH_S = 2.0
_FAILING_ATTEMPTS = 5


class PartStatus(WireOut):
    """Whether one part works."""

    ok: bool
    """Whether it works."""
    problem: str | None = None
    """What is wrong and what to do; null if it works."""


class WorkersStatus(PartStatus):
    """Whether workers are alive."""

    alive: int
    """Workers that were alive within the last 15 s."""


class BacklogStatus(WireOut):
    """Work that is due and was not done yet."""

    due: int
    """Units of work that are due."""
    oldest_due_s: float
    """Seconds for which the oldest of them has been due."""
    failing: int
    """Units that have been tried more than 5 times."""


class BlockedProvider(WireOut):
    """A provider to which jobs are not sent for the moment."""

    name: str
    """The provider's name, as configured."""
    blocks: list[str]
    """The kinds of its blocks."""


class StatusOut(WireOut):
    """The state of the whole installation."""

    object: Literal["status"] = "status"
    status: Literal["ok", "degraded", "down"]
    """`down` if requests fail, `degraded` if they are answered but work waits, else `ok`."""
    database: PartStatus
    """The database, which requests and work need."""
    storage: PartStatus
    """The storage of datasets."""
    broker: PartStatus
    """The broker that wakes workers. Without it work is done later."""
    workers: WorkersStatus | None
    """The workers; null if the database is away."""
    backlog: BacklogStatus | None
    """Work that waits; null if the database is away."""
    blocked_providers: list[BlockedProvider] | None
    """Providers to which jobs are not sent; null if the database is away."""


@router.get("/status")
def status() -> StatusOut:
    """Get the state of the database, storage, broker, workers, backlog and providers.

    Always answers 200. `workers`, `backlog` and `blocked_providers` are null while the database is away.
    """
    database, storage, broker = _part(DATABASE), _part(STORAGE), _part(BROKER)
    workers, backlog, blocked = _from_rows() if database.ok else (None, None, None)
    if not (database.ok and storage.ok):
        state: Literal["ok", "degraded", "down"] = "down"
    else:
        is_whole = broker.ok and workers is not None and workers.ok and not blocked
        state = "ok" if is_whole else "degraded"
    return StatusOut(
        status=state,
        database=database,
        storage=storage,
        broker=broker,
        workers=workers,
        backlog=backlog,
        blocked_providers=blocked,
    )


def _part(check: Check) -> PartStatus:
    refusal: TunehouseError | None = check.result()
    return PartStatus(ok=refusal is None, problem=refusal and refusal.message)


def _check_broker() -> None:
    url = settings().redis_url.get_secret_value()
    try:
        with redis_client(parse(url), timeout_s=2) as broker:
            broker.ping()
    except RedisError as failure:
        raise Unavailable(
            "The broker does not answer. Workers find work themselves meanwhile, within seconds. Check that "
            "Redis or Valkey is running.",
            param="broker",
        ) from failure


BROKER = Check(_check_broker, _FRESH_S)


def _from_rows() -> tuple[WorkersStatus | None, BacklogStatus | None, list[BlockedProvider] | None]:
    try:
        with transaction() as session:
            alive = heartbeat.count_alive(session)
            due = WorkItem.next_step_at <= func.now()
            count, oldest_s, failing = session.execute(
                select(
                    func.count().filter(due),
                    func.extract("epoch", func.now() - func.min(WorkItem.next_step_at).filter(due)),
                    func.count().filter(WorkItem.attempts > _FAILING_ATTEMPTS),
                )
            ).one()
            blocks: dict[str, list[str]] = {}
            for block in standing_blocks(session):
                blocks.setdefault(block.provider, []).append(block.kind)
    except SQLAlchemyError:
        return None, None, None
    return (
        WorkersStatus(ok=alive > 0, problem=None if alive else "No worker is alive. Start one.", alive=alive),
        BacklogStatus(due=count, oldest_due_s=float(oldest_s or 0), failing=failing),
        [BlockedProvider(name=name, blocks=kinds) for name, kinds in blocks.items()],
    )
