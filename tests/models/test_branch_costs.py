"""A branch costs what its parts cost, to the last digit, whether rolled up or not."""

import random
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from service.catalog.price import PriceKind
from service.core import clock
from service.core.db import transaction
from service.ledger.actions import settle
from service.ledger.rollups.sums import roll_up
from service.models.actions import Origin, register_checkpoint, register_model
from service.models.lineage.graph import LineageCost
from service.models.lineage.queries import lineage
from service.models.tables import TunedModel
from tests.ledger.make import charge, team

pytestmark = pytest.mark.usefixtures("database")
ZERO = Decimal(0)


class Orchard:
    """Trees of one team, with what is due to each model."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session = session
        self.chance = random.Random(seed)
        self.team_id = team(session)
        self.models: list[TunedModel] = []
        self.made: dict[str, Decimal] = {}
        self.tried: dict[str, Decimal] = {}
        self.used: dict[str, Decimal] = {}
        self._jobs = 0

    def train(self, parent: TunedModel | None) -> None:
        """A job that leaves checkpoints and mostly a model, and is charged for."""
        job_id = self._job_id()
        origin = Origin(
            self.team_id,
            job_id,
            "trainer",
            "sandbox-mini",
            parent.id if parent else None,
            "file-1",
            None,
            None,
        )
        left = [
            register_checkpoint(self.session, origin, f"{job_id}:{step}", step, clock.now())
            for step in range(self.chance.randrange(3))
        ]
        if self.chance.random() < 0.8:
            left.append(register_model(self.session, origin, f"{job_id}:model", clock.now()))
        self.models += left
        cost = self.charge(job_id, PriceKind.TRAINING_TOKENS, left[-1] if left else parent, job_id)
        if left:
            self.made[job_id] = cost
        elif parent:
            self.tried[parent.id] = self.tried.get(parent.id, ZERO) + cost

    def use(self, model: TunedModel) -> None:
        """A call that is charged for."""
        cost = self.charge(self._job_id(), PriceKind.OUTPUT_TOKENS, model, None)
        self.used[model.id] = self.used.get(model.id, ZERO) + cost

    def below(self, root: TunedModel) -> list[TunedModel]:
        """The branch of a model, by following parents."""
        inside = {root.id}
        for model in self.models:  # parents stand before their children
            if model.parent_id in inside:
                inside.add(model.id)
        return [model for model in self.models if model.id in inside]

    def _job_id(self) -> str:
        self._jobs += 1
        return f"ftjob-{self.team_id}-{self._jobs}"

    def charge(self, subject: str, kind: PriceKind, model: TunedModel | None, job_id: str | None) -> Decimal:
        """A charge and its amount."""
        name = model.id if model else "sandbox-mini"
        asked = charge(subject, self.chance.randrange(1, 10**6), kind=kind, model=name, job_id=job_id)
        settle(self.session, team_id=self.team_id, subject_id=subject, charges=[asked])
        return asked.amount_usd


def grown(session: Session, seed: int) -> Orchard:
    orchard = Orchard(session, seed)
    for number in range(60):
        model = orchard.chance.choice([None, *orchard.models])
        if model is not None and orchard.chance.random() < 0.4:
            orchard.use(model)
        else:
            orchard.train(model)
        if number == 30:
            roll_up(session)
    return orchard


@pytest.mark.parametrize("seed", range(5))
def test_every_branch_costs_what_its_jobs_and_uses_cost(seed: int) -> None:
    with transaction() as session:
        orchard = grown(session, seed)
        for model in orchard.models:
            inside = orchard.below(model)
            jobs = {one.job_id for one in inside}
            cost = lineage(session, model, "descendants", 1000, 1000).cumulative_cost_usd
            attempts = sum((orchard.tried.get(one.id, ZERO) for one in inside), ZERO)
            training = sum((orchard.made[job_id] for job_id in jobs), ZERO) + attempts
            use = sum((orchard.used.get(one.id, ZERO) for one in inside), ZERO)
            assert (Decimal(cost.training), Decimal(cost.attempts)) == (training, attempts)
            assert Decimal(cost.use) == use
            assert Decimal(cost.total) == training + use


def test_rolling_up_moves_no_cent_of_a_branch() -> None:
    with transaction() as session:
        orchard = grown(session, 11)
        before = [total(session, model) for model in orchard.models]
        assert roll_up(session) > 0
        assert [total(session, model) for model in orchard.models] == before


@pytest.mark.parametrize("rolled", [True, False])
def test_what_a_job_was_charged_before_it_made_its_model_counts_with_the_model(rolled: bool) -> None:
    with transaction() as session:
        orchard = Orchard(session, 1)
        orchard.train(None)
        parent = orchard.models[-1]
        own = costs(session, parent)
        origin = Origin(
            orchard.team_id, "ftjob-paused", "trainer", "sandbox-mini", parent.id, "file-1", None, None
        )
        paid = orchard.charge("ftjob-paused", PriceKind.TRAINING_TOKENS, parent, "ftjob-paused")
        if rolled:
            roll_up(session)
        assert Decimal(costs(session, parent).attempts) == paid
        register_checkpoint(session, origin, "there:1", 1, clock.now())
        made = register_model(session, origin, "there", clock.now())
        assert (Decimal(costs(session, made).training), costs(session, made).attempts) == (paid, "0.00")
        whole = costs(session, parent)
        assert (Decimal(whole.training), whole.attempts) == (Decimal(own.training) + paid, "0.00")


def costs(session: Session, model: TunedModel) -> LineageCost:
    return lineage(session, model, "descendants", 1000, 1000).cumulative_cost_usd


def total(session: Session, model: TunedModel) -> Decimal:
    return Decimal(costs(session, model).total)
