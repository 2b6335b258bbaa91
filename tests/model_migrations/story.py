"""Steps that tests of migrations share: the worker's work is done by hand, in this process."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import update

from service.core.db import transaction
from service.ledger.queries import budget_view
from service.model_migrations import actions
from service.model_migrations.moves import Asker
from service.model_migrations.present import migration_out
from service.model_migrations.queries import get_migration
from service.model_migrations.schemas import MigrationCreate, MigrationOut
from service.models.aliases.actions import point
from service.models.aliases.queries import alias_target
from service.models.tables import TunedModel
from tests.jobs import hands
from tests.support.data import chat_file
from tests.support.waiting import wait_until

OLD = "openai/gpt-4.1-mini-2025-04-14"
NEW = {"provider": "trainer", "base": "sandbox-mini"}
# Accepts any model: what a comparison finds has tests of its own.
ACCEPT = {"grader": "string_similarity", "margin": 1.0, "max_prompts": 2}
_ENDED = ("completed", "failed", "cancelled")


def make_models(team: str, *parents: int | None, base: str = OLD, **body: object) -> list[str]:
    """Tuned models, each from the base or from the earlier one that `parents` names; their names."""
    held_out = hands.make_file(team, chat_file(topic="held out"))
    made: list[str] = []
    for number, parent in enumerate(parents):
        job_id = hands.make_job(
            team,
            hands.make_file(team, chat_file(topic=f"generation {number}")),
            base if parent is None else made[parent],
            validation_file=held_out,
            suffix=f"gen-{number}",
            tunehouse={"acknowledge_shutdown": True},
            **body,
        )
        finish_job(job_id)
        made.append(str(hands.look(job_id).fine_tuned_model))
    return made


def finish_job(job_id: str) -> None:
    """Do what is due until a job has ended."""
    wait_until(lambda: _work() or hands.look(job_id).has_ended)


def plan(team: str, **body: object) -> MigrationOut:
    """A stored plan."""
    asked = MigrationCreate.model_validate({"to": NEW} | body)
    with transaction() as session:
        migration = actions.create_migration(session, Asker(team, hands.KEY, asked))
        return migration_out(session, migration)


def start(team: str, planned: MigrationOut) -> MigrationOut:
    """A migration that was confirmed now."""
    with transaction() as session:
        migration = get_migration(session, team, planned.id, lock=True)
        again = actions.plan_again(session, migration, hands.KEY)
        actions.start_migration(session, migration, again, planned.fingerprint, hands.KEY)
    return look(team, planned)


def cancel(team: str, migration: MigrationOut) -> MigrationOut:
    """A migration that was cancelled now."""
    with transaction() as session:
        actions.cancel_migration(session, get_migration(session, team, migration.id, lock=True))
    return look(team, migration)


def look(team: str, migration: MigrationOut) -> MigrationOut:
    """A migration as it is now."""
    with transaction() as session:
        return migration_out(session, get_migration(session, team, migration.id))


def migrate(team: str, **body: object) -> MigrationOut:
    """A migration from its plan to its end."""
    return finish(team, start(team, plan(team, **body)))


def finish(team: str, migration: MigrationOut) -> MigrationOut:
    """Do what is due until a migration has ended."""
    return wait_until(
        lambda: found if _work() is None and (found := look(team, migration)).status in _ENDED else None
    )


def _work() -> None:
    hands.make_due()
    hands.run_due()


def set_alias(team: str, name: str, model: str) -> None:
    """Point an alias at a model."""
    with transaction() as session:
        point(session, team_id=team, name=name, model=model, key_id=hands.KEY)


def target_of(team: str, alias: str) -> str | None:
    """The model that an alias points at."""
    with transaction() as session:
        return alias_target(session, team, alias)


def model(name: str) -> TunedModel:
    """A model's row."""
    with transaction() as session:
        return session.get_one(TunedModel, name)


def change(name: str, **values: Any) -> None:
    """Change a model's row."""
    with transaction() as session:
        session.execute(update(TunedModel).where(TunedModel.id == name).values(values))


def held(team: str) -> Decimal:
    """What is held on a team's budget."""
    with transaction() as session:
        return budget_view(session, team).held_usd


def statuses(migration: MigrationOut) -> Mapping[str, str]:
    """Each old model with what became of it."""
    return {step.model: step.status.value for step in migration.steps}
