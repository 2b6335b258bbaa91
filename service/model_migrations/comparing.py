"""Compare a new model with the old one, and switch the aliases if it is not worse."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.comparisons.actions import create_comparison
from service.comparisons.queries import prompts_of
from service.comparisons.schemas import ComparisonCreate
from service.comparisons.tables import Comparison, ComparisonPrompt, Status, Verdict
from service.errors import BudgetExceeded, PriceUnknown, TunehouseError, Unavailable
from service.events.actions import Level, append
from service.events.types import EventType
from service.files.queries import get_file
from service.model_migrations import reserve
from service.model_migrations.schemas import Acceptance, MigrationCreate
from service.model_migrations.tables import MigrationStep, ModelMigration, StepStatus
from service.models.aliases import actions as aliases
from service.models.aliases.tables import Alias
from service.models.deployments.actions import wake_named
from service.models.deployments.queries import Asleep

_NOT_DEPLOYED = "model_not_deployed"


def compare(session: Session, migration: ModelMigration, step: MigrationStep) -> None:
    """Begin a step's comparison, or record its outcome. Waits for a model that does not answer yet."""
    if step.comparison_id is None:
        _begin(session, migration, step)
        return
    comparison = session.get_one(Comparison, step.comparison_id)
    if comparison.status == Status.FAILED:
        _not_compared(step, str(comparison.error))
    elif comparison.status == Status.COMPLETED:
        _decide(session, migration, step, prompts_of(session, [comparison.id]))


def _begin(session: Session, migration: ModelMigration, step: MigrationStep) -> None:
    accept = _acceptance(migration)
    body = ComparisonCreate(
        models=[step.source_id, str(step.produced)],
        file_id=str(step.prompts_file),
        grader=accept.grader,
        judge_model=accept.judge_model,
        max_prompts=accept.max_prompts,
        max_output_tokens=accept.max_output_tokens,
    )
    try:
        with session.begin_nested():
            # The file before the accounts: the order in which a new comparison locks them.
            get_file(session, migration.team_id, body.file_id, lock=True)
            reserve.most_for(session, migration, step.comparison_usd)
            reserve.hold_rest(session, migration, comparing=step)
            comparison = create_comparison(
                session, migration.team_id, migration.key_id, body, migration_id=migration.id
            )
        step.comparison_id, step.reason = comparison.id, None
    except Asleep as asleep:
        step.reason = f"Waits to compare: {_wake(session, migration.team_id, asleep)}"
    except TunehouseError as refusal:
        if isinstance(refusal, PriceUnknown | Unavailable) or refusal.error_code == _NOT_DEPLOYED:
            step.reason = f"Waits to compare: {refusal.message}"
        else:
            _not_compared(step, refusal.message)


def _wake(session: Session, team_id: str, asleep: Asleep) -> str:
    """Deploy a model again that sleeps, as a request to it would; returns what the step waits for."""
    try:
        with session.begin_nested():
            wake_named(session, team_id, asleep.model_id)
    except BudgetExceeded as refusal:
        return refusal.message
    return asleep.message


def _acceptance(migration: ModelMigration) -> Acceptance:
    accept = MigrationCreate.model_validate(migration.request).accept
    assert accept is not None, "only a migration with it has prompts"  # noqa: S101
    return accept


def _not_compared(step: MigrationStep, why: str) -> None:
    step.status, step.reason = StepStatus.MADE, f"Not compared: {why}"


def _decide(
    session: Session, migration: ModelMigration, step: MigrationStep, prompts: Sequence[ComparisonPrompt]
) -> None:
    level: Level
    lost = lost_share([prompt.verdict for prompt in prompts])
    margin = _acceptance(migration).margin
    said = f"{step.produced} lost {lost:.1%} more prompts than it won against {step.source_id}"
    if lost > margin:
        step.status, step.reason = StepStatus.WORSE, f"{said}; at most {margin:.1%} is accepted."
        type_, level = EventType.MODEL_NOT_MIGRATED, "warn"
    else:
        step.status, step.reason = StepStatus.MOVED, None
        step.switched = _switch(session, migration, step)
        type_, level = EventType.MODEL_MIGRATED, "info"
    append(
        session,
        team_id=migration.team_id,
        subject_id=step.source_id,
        type=type_,
        message=step.reason or f"{step.source_id} was moved: {step.produced} replaces it.",
        level=level,
        data={
            "migration_id": migration.id,
            "successor": step.produced,
            "comparison_id": step.comparison_id,
            "switched_aliases": step.switched,
        },
    )


def lost_share(verdicts: Sequence[str | None]) -> float:
    """The share of prompts that the new model lost, less the share that it won; from -1 to 1.

    The old model is the first of a comparison. 1.0 without any verdict: nothing speaks for the new model.
    """
    if not verdicts:
        return 1.0
    lost = sum(verdict == Verdict.FIRST for verdict in verdicts)
    won = sum(verdict == Verdict.SECOND for verdict in verdicts)
    return (lost - won) / len(verdicts)


def _switch(session: Session, migration: ModelMigration, step: MigrationStep) -> list[str]:
    """Point every alias of the old model at the new one. An alias's own history can roll it back."""
    own = Alias.team_id == migration.team_id, Alias.model == step.source_id
    names = session.scalars(select(Alias.name).where(*own).order_by(Alias.name).with_for_update()).all()
    for name in names:
        aliases.point(
            session, team_id=migration.team_id, name=name, model=step.produced, key_id=migration.key_id
        )
    return list(names)
