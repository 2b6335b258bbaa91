"""Plan a migration as a whole: every lineage's moves, the costs, the risks, and a fingerprint of it all."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.comparisons.actions import prompts_report
from service.core.http.wire import WireOut
from service.errors import InvalidRequest
from service.files.queries import get_file
from service.jobs import queue
from service.jobs.order import QueueName
from service.ledger.money import usd
from service.ledger.queries import budget_view
from service.model_migrations.moves import Asker, Move
from service.model_migrations.order import Generation, lineages
from service.model_migrations.risks import risks_of
from service.model_migrations.schemas import (
    CannotMove,
    MigrationCreate,
    MigrationPlanOut,
    PlannedComparison,
    PlannedDataset,
    PlannedMove,
)
from service.model_migrations.selection import selected_models
from service.model_migrations.targets import plan_moves
from service.models.aliases.tables import Alias
from service.models.queries import resolve

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class MigrationPlan:
    """The moves of a migration in order, on the wire, and the fingerprint by which it is confirmed."""

    moves: Sequence[Move]
    wire: MigrationPlanOut
    fingerprint: str

    @property
    def total_usd(self) -> Decimal:
        """The estimated cost of all training, and the most that all comparisons can cost."""
        return sum((one.training_usd + one.comparison_usd for one in self.moves), Decimal(0))


def plan_migration(session: Session, asker: Asker) -> MigrationPlan:
    """Plan a migration at today's prices; creates nothing.

    Raises `NotFound` and `InvalidRequest` for wrong models, prompts or destinations.
    """
    models = selected_models(session, asker.team_id, asker.body)
    _check_comparing(session, asker)
    moves: list[Move] = []
    stuck: list[CannotMove] = []
    for lineage in lineages(session, models):
        found = plan_moves(session, asker, lineage)
        stuck += _stuck(lineage, found)
        moves += found
    wire = _wire(session, asker, moves, stuck)
    return MigrationPlan(moves, wire, _fingerprint(asker.body, wire))


def _check_comparing(session: Session, asker: Asker) -> None:
    """Refuse prompts and a judge that are not there: nothing would be compared, and all of it paid for."""
    body = asker.body
    if body.prompts is not None:
        prompts_report(get_file(session, asker.team_id, body.prompts))
    if body.accept is not None and body.accept.judge_model is not None:
        resolve(session, asker.team_id, body.accept.judge_model)


def _stuck(lineage: Sequence[Generation], moves: Sequence[Move]) -> list[CannotMove]:
    problems = {move.job_id: move.problem for move in moves}
    none = "No base at another configured provider takes its data by its method and outlasts it."
    return [
        CannotMove(model=one.model, reason=reason)
        for one in lineage
        if one.is_selected and (reason := problems.get(one.link.job.id, none)) is not None
    ]


def _wire(session: Session, asker: Asker, moves: Sequence[Move], stuck: list[CannotMove]) -> MigrationPlanOut:
    position_of = {move.job_id: number for number, move in enumerate(moves, start=1)}
    aliases = _aliases(session, asker.team_id)
    hours = {move.job_id: _hours(session, move) for move in moves}
    training = sum((move.training_usd for move in moves), Decimal(0))
    comparing = sum((move.comparison_usd for move in moves), Decimal(0))
    problems = _problems(session, asker, moves, training + comparing)
    return MigrationPlanOut(
        steps=[_step(move, position_of, aliases, hours[move.job_id]) for move in moves],
        cannot_move=stuck,
        training_usd=usd(training),
        comparison_usd=usd(comparing),
        total_usd=usd(training + comparing),
        expected_hours=_longest(moves, hours),
        ready=not problems,
        problems=problems,
        risks=risks_of(session, moves),
    )


def _problems(session: Session, asker: Asker, moves: Sequence[Move], total_usd: Decimal) -> list[str]:
    found = []
    if all(move.problem is not None for move in moves if move.generation.is_selected):
        found.append("None of the models can move. See 'cannot_move'.")
    most = asker.body.max_cost_usd
    if most is not None and total_usd > most:
        found.append(f"The migration may cost ${usd(total_usd)}, more than its max_cost_usd of ${usd(most)}.")
    left = budget_view(session, asker.team_id).remaining_usd
    if left is not None and total_usd > left:
        found.append(
            f"The migration may cost ${usd(total_usd)}, but the team's budget has ${usd(left)} left. Ask an "
            "admin to raise the budget."
        )
    return found


def _step(
    move: Move, position_of: Mapping[str, int], aliases: Mapping[str, list[str]], hours: Decimal | None
) -> PlannedMove:
    link, first = move.generation.link, next(iter(move.estimates), None)
    fitted = move.fitted
    tokens = [one.trained_tokens for one in move.estimates]
    method = fitted.body.method if fitted else None
    return PlannedMove(
        position=position_of[move.job_id],
        model=move.generation.model,
        repeats_job=move.job_id,
        is_selected=move.generation.is_selected,
        aliases=aliases.get(move.generation.model, []) if move.generation.is_selected else [],
        provider=move.target.provider,
        base_model=move.target.base.id,
        starts_from=position_of[move.parent] if move.parent else None,
        checkpoint_step=move.generation.checkpoint_step if move.parent else None,
        reuses=move.reuses,
        training_data=[
            PlannedDataset(
                file_id=one.living_id or one.original.id,
                sha256=one.original.sha256,
                filename=one.original.filename,
                examples=(one.original.report or {}).get("examples", 0),
            )
            for one in move.datasets
        ],
        format=move.target.base.formats.get(link.job.method_type),
        method=method.model_dump(exclude_none=True) if method else link.job.method,
        sent_as=fitted.sent_as if fitted else {},
        n_epochs=first.n_epochs if first else None,
        trained_tokens=sum(one or 0 for one in tokens) if first and None not in tokens else None,
        training_usd=None if move.problem else usd(move.training_usd),
        price_id=first.price.id if first else None,
        expected_hours=None if hours is None else f"{hours:f}",
        comparison=_comparison(move),
        not_compared=move.not_compared,
        notes=list(move.notes),
        problem=move.problem,
    )


def _comparison(move: Move) -> PlannedComparison | None:
    planned = move.comparison
    if planned is None:
        return None
    return PlannedComparison(
        file_id=planned.file.id,
        prompts=planned.prompts,
        grader=planned.accept.grader,
        most_usd=usd(planned.most_usd),
    )


def _aliases(session: Session, team_id: str) -> Mapping[str, list[str]]:
    own = select(Alias.model, Alias.name).where(Alias.team_id == team_id, Alias.model.is_not(None))
    found: dict[str, list[str]] = {}
    for row in session.execute(own.order_by(Alias.name)):
        found.setdefault(row.model, []).append(row.name)
    return found


def _hours(session: Session, move: Move) -> Decimal | None:
    """How long one training should take: what the estimate says, else as long as the latest ones there."""
    if move.reuses or move.problem:
        return Decimal(0)
    billed = [one.training_hours for one in move.estimates]
    if billed and None not in billed:
        return sum((hours or Decimal(0) for hours in billed), Decimal(0))
    usual = queue.usual_duration(session, QueueName(move.target.provider, move.target.base.id))
    return None if usual is None else Decimal(usual / _HOUR).quantize(Decimal("0.001"))


def _longest(moves: Sequence[Move], hours: Mapping[str, Decimal | None]) -> str | None:
    """The hours of the longest line of jobs that wait for each other; None if one of them is unknown."""
    until: dict[str, Decimal] = {}
    for move in moves:
        own = hours[move.job_id]
        if own is None:
            return None
        until[move.job_id] = own + (until[move.parent] if move.parent else Decimal(0))
    return f"{max(until.values(), default=Decimal(0)):f}"


# What changes from minute to minute without changing what would be done.
_FLEETING = {
    "steps": {"__all__": {"expected_hours"}},
    "expected_hours": True,
    "problems": True,
    "ready": True,
}


def _fingerprint(body: MigrationCreate, wire: WireOut) -> str:
    """A hash of the request and of all that would be done for it."""
    named = {
        "request": body.model_dump(mode="json"),
        "plan": wire.model_dump(mode="json", exclude=_FLEETING),  # type: ignore[arg-type]  # pydantic's nested form
    }
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def require_ready(plan: MigrationPlan) -> None:
    """Raise `InvalidRequest` with the problems of a plan that cannot be started."""
    if not plan.wire.ready:
        raise InvalidRequest(" ".join(plan.wire.problems), code="migration_not_possible")
