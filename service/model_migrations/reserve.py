"""Hold what the rest of a migration can cost, so that neither the budget nor its own limit runs out midway.

A step's share leaves the migration's hold in the transaction in which its job or comparison places its own.
"""

from collections.abc import Sequence
from decimal import ROUND_UP, Decimal

from sqlalchemy.orm import Session

from service.catalog.price import PRICE_DECIMALS
from service.errors import BudgetExceeded
from service.ledger.actions import place_hold
from service.ledger.money import usd
from service.ledger.queries import cost_of_job, held_for, limits_of
from service.model_migrations.queries import cost_so_far, steps_of
from service.model_migrations.tables import OPEN, MigrationStep, ModelMigration, StepStatus

# A job takes no limit that is finer. Rounded up: a share that fits exactly must not be refused.
_SMALLEST_LIMIT = Decimal(1).scaleb(-PRICE_DECIMALS)


def hold_rest(session: Session, migration: ModelMigration, *, comparing: MigrationStep | None = None) -> None:
    """Hold what the steps that are still to begin can cost, without the comparison that begins now.

    Raises `BudgetExceeded`.
    """
    session.flush()
    place_hold(
        session,
        team_id=migration.team_id,
        subject_id=migration.id,
        amount_usd=_to_begin(steps_of(session, migration), comparing),
        key_id=migration.key_id,
    )


def most_for(session: Session, migration: ModelMigration, share_usd: Decimal) -> Decimal | None:
    """Return the most that a step with this share may cost; None if the migration has no limit of its own.

    Jobs train at the same time, so each gets what is to spare in proportion to its share: all limits together
    stay below the migration's. Raises `BudgetExceeded` if earlier steps have used up the share.
    """
    if migration.max_cost_usd is None:
        return None
    steps = steps_of(session, migration)
    begun = [one for step in steps for one in (step.job_id, step.comparison_id) if one]
    held = sum((held_for(session, migration.team_id, one) for one in begun), Decimal(0))
    spent = cost_so_far(session, migration, steps)
    to_begin = _to_begin(steps, None)
    left = migration.max_cost_usd - spent - held - to_begin
    if left < 0:
        raise BudgetExceeded(
            f"The migration would exceed its max_cost_usd of ${usd(migration.max_cost_usd)} by "
            f"${usd(-left)}: earlier steps cost more than estimated. Plan the rest as a new migration; it "
            "uses the models that this one has made.",
            param="max_cost_usd",
        )
    to_spare = max(left - _promised(session, migration, steps), Decimal(0))
    most = share_usd + (to_spare * share_usd / to_begin if share_usd else 0)
    return max(most.quantize(_SMALLEST_LIMIT, ROUND_UP), _SMALLEST_LIMIT)


def _promised(session: Session, migration: ModelMigration, steps: Sequence[MigrationStep]) -> Decimal:
    """What the running jobs may still cost by their own limits, beyond their holds."""
    running = [step.job_id for step in steps if step.job_id and step.status == StepStatus.TRAINING]
    beyond = (
        limit - cost_of_job(session, job_id) - held_for(session, migration.team_id, job_id)
        for job_id, limit in limits_of(session, running).items()
    )
    return sum((max(one, Decimal(0)) for one in beyond), Decimal(0))


def _to_begin(steps: Sequence[MigrationStep], comparing: MigrationStep | None) -> Decimal:
    training = [step for step in steps if step.status == StepStatus.WAITING and step.produced is None]
    uncompared = [
        step for step in steps if step.status in OPEN and step.comparison_id is None and step is not comparing
    ]
    return sum((step.training_usd for step in training), Decimal(0)) + sum(
        (step.comparison_usd for step in uncompared), Decimal(0)
    )
