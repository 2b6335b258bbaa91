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
from service.ledger.queries import held_for
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

    Raises `BudgetExceeded` if earlier steps have used up the share.
    """
    if migration.max_cost_usd is None:
        return None
    steps = steps_of(session, migration)
    begun = [one for step in steps for one in (step.job_id, step.comparison_id) if one]
    held = sum((held_for(session, migration.team_id, one) for one in begun), Decimal(0))
    spent = cost_so_far(session, migration, steps)
    left = migration.max_cost_usd - spent - held - _to_begin(steps, None)
    if left < 0:
        raise BudgetExceeded(
            f"The migration would exceed its max_cost_usd of ${usd(migration.max_cost_usd)} by "
            f"${usd(-left)}: earlier steps cost more than estimated. Plan the rest as a new migration; it "
            "uses the models that this one has made.",
            param="max_cost_usd",
        )
    return (left + share_usd).quantize(_SMALLEST_LIMIT, ROUND_UP)


def _to_begin(steps: Sequence[MigrationStep], comparing: MigrationStep | None) -> Decimal:
    training = [step for step in steps if step.status == StepStatus.WAITING and step.produced is None]
    uncompared = [
        step for step in steps if step.status in OPEN and step.comparison_id is None and step is not comparing
    ]
    return sum((step.training_usd for step in training), Decimal(0)) + sum(
        (step.comparison_usd for step in uncompared), Decimal(0)
    )
