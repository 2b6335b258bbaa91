"""A Tunehouse whose only provider is an imitation of Fireworks, with models that can be deployed there."""

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select, update

from service.catalog.price import PriceKind
from service.catalog.prices import price_at, served_as
from service.core import clock
from service.core.db import transaction
from service.events.tables import Event
from service.ledger.actions import settle
from service.ledger.charges import Charge
from service.ledger.queries import budget_view
from service.ledger.tables import Entry
from service.models.deployments.actions import ADVANCE_DEPLOYMENT, Guard, deploy, stop
from service.models.deployments.queries import latest_of, living_of, lock_any_model, lock_model
from service.models.deployments.states import StopReason
from service.models.deployments.tables import Deployment
from service.models.tables import TunedModel
from tests.fakes.fireworks import FireworksFake
from tests.fakes.hosting.fireworks import ACCOUNT, BASE
from tests.jobs import hands
from worker.run import run_step

PROVIDER = "vendor"
PER_HOUR = Decimal(8)
_numbers = itertools.count(1)
_TIMES = ("intended_at", "started_at", "seen_at", "metered_until", "held_until", "last_used_at")


def make_model(fake: FireworksFake, team_id: str) -> str:
    """A model of a team that was tuned there; its id."""
    name = f"{ACCOUNT}/models/tuned-{next(_numbers)}"
    fake.models[name.rpartition("/")[2]] = {"name": name, "state": "READY"}
    model_id = f"ft:{BASE}:team::{next(_numbers):08}"
    with transaction() as session:
        session.add(
            TunedModel(
                id=model_id,
                team_id=team_id,
                kind="model",
                provider=PROVIDER,
                provider_model=name,
                base_model=BASE,
                job_id="ftjob-of-hands",
                training_file="file-of-hands",
                created_at=clock.now(),
            )
        )
    return model_id


def order(team_id: str, model_id: str, guard: Guard | None = None) -> str:
    """Order a model's deployment; its id."""
    with transaction() as session:
        model = lock_model(session, team_id, model_id)
        return deploy(session, model, hands.KEY, guard or Guard()).id


def step(deployment_id: str) -> None:
    """The next step of one deployment, however long it meant to wait."""
    hands.make_due(ADVANCE_DEPLOYMENT, deployment_id)
    run_step(ADVANCE_DEPLOYMENT, deployment_id)


def until(deployment_id: str, state: str) -> Deployment:
    """Do a deployment's steps until it is in a state."""
    for _ in range(10):
        if look(deployment_id).state == state:
            return look(deployment_id)
        step(deployment_id)
    raise AssertionError(f"{deployment_id} is {look(deployment_id).state}: {look(deployment_id).error}")


def look(deployment_id: str) -> Deployment:
    """The deployment's row."""
    with transaction() as session:
        return session.get_one(Deployment, deployment_id)


def latest(model_id: str) -> Deployment:
    """A model's newest deployment."""
    with transaction() as session:
        found = latest_of(session, model_id)
        assert found is not None
        return found


def let_pass(age: Callable[[timedelta], None], deployment_id: str, time: timedelta) -> None:
    """Let time pass, here and at the provider, without a step of the worker's."""
    age(time)
    with transaction() as session:
        columns = {name: getattr(Deployment, name) - time for name in _TIMES}
        session.execute(update(Deployment).where(Deployment.id == deployment_id).values(columns))


def use(team_id: str, model_id: str, at: datetime) -> None:
    """Charge the team for a request to the model at a time."""
    with transaction() as session:
        price = price_at(
            session,
            provider_kind="fireworks",
            model=served_as(BASE, tuned=True),
            kind=PriceKind.INPUT_TOKENS,
        )
        charge = Charge(
            kind=price.kind,
            quantity=1,
            price=price,
            unique_key=f"request-{next(_numbers)}",
            model=model_id,
            base_model=BASE,
            provider=PROVIDER,
            occurred_at=at,
            began_at=at,
        )
        settle(session, team_id=team_id, subject_id=charge.unique_key, charges=[charge])


def hosting(team_id: str) -> list[Entry]:
    """A team's charges for hosting, in order."""
    own = select(Entry).where(Entry.team_id == team_id, Entry.kind == PriceKind.HOSTING_HOURS.value)
    with transaction() as session:
        return list(session.scalars(own.order_by(Entry.number)))


def paid(team_id: str) -> Decimal:
    """What hosting has cost a team."""
    return sum((entry.amount_usd for entry in hosting(team_id)), Decimal(0))


def held(team_id: str) -> Decimal:
    """What a team's budget holds."""
    with transaction() as session:
        return budget_view(session, team_id).held_usd


def events(model_id: str) -> list[str]:
    """The types of a model's events."""
    own = select(Event.type).where(Event.subject_id == model_id).order_by(Event.number)
    with transaction() as session:
        return list(session.scalars(own))


def take_back(model_id: str) -> None:
    """Undeploy a model, as its team does."""
    with transaction() as session:
        model = lock_any_model(session, model_id)
        living = living_of(session, model_id, lock=True)
        assert living is not None
        stop(session, model, living, StopReason.REQUEST)


def ready(fake: FireworksFake, guard: Guard | None = None, budget_usd: str = "1000") -> tuple[str, str, str]:
    """A deployed model: its team, its id and its deployment's."""
    team = hands.make_team(budget_usd)
    model = make_model(fake, team)
    deployment = order(team, model, guard)
    until(deployment, "ready")
    return team, model, deployment
