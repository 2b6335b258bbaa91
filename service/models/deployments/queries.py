"""The names under which providers serve models. Azure serves deployments, which have names of their own."""

from decimal import Decimal

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from service.catalog.price import PriceKind
from service.core.http.pages import Page, fetch_page
from service.errors import NotFound, Unavailable
from service.ledger.kinds import HOSTING_TAG, IDLE
from service.ledger.rollups.sums import booked
from service.models.deployments.states import LIVING, DeploymentState
from service.models.deployments.tables import Deployment
from service.models.queries import Target, unknown_model
from service.models.tables import TunedModel
from service.providers.kinds.capabilities import capabilities_of
from service.providers.registry import provider_settings
from service.settings import settings

WAKES_IN_S = 60.0  # when to ask again; how long a machine takes to start is the provider's to say


class Asleep(Unavailable):
    """The model was undeployed because it was idle. It is being deployed again; send the request later."""

    code = "model_asleep"

    def __init__(self, model_id: str) -> None:
        super().__init__(
            f"The model {model_id!r} was undeployed because it was idle. It is being deployed again; send "
            f"the request again in {WAKES_IN_S:.0f} seconds.",
            param="model",
            retry_after_s=WAKES_IN_S,
        )
        self.model_id = model_id


def serving_name(session: Session, target: Target) -> str:
    """The name by which to ask the provider for a model.

    At a provider that serves deployments, raises for a tuned model without one: `Asleep` if its next request
    deploys it again, `Unavailable` (`model_deploying`) while it is being deployed, else `NotFound`
    (`model_not_deployed`).
    """
    provider = provider_settings(target.provider)
    if target.tuned is None:
        return provider.deployments.get(target.base.id, target.base.serving_id or target.provider_model)
    if target.tuned.deployment is not None:
        return target.tuned.deployment
    known = capabilities_of(provider.kind)
    if known.served_at_once:
        return target.provider_model
    living = living_of(session, target.tuned.id)
    if living is not None:
        raise _coming(target.model_id, living)
    way = (
        "deploy it with POST /v1/models/{id}/deployment."
        if known.deploys
        else "ask a Tunehouse admin to deploy it."
    )
    raise NotFound(
        f"The model {target.model_id!r} is trained but not deployed at its provider yet; {way}",
        param="model",
        code="model_not_deployed",
    )


def _coming(model_id: str, living: Deployment) -> Unavailable:
    if living.state == DeploymentState.ASLEEP:
        return Asleep(model_id)
    doing = "undeployed" if living.state == DeploymentState.STOPPING else "deployed"
    return Unavailable(
        f"The model {model_id!r} is being {doing}; send the request again in {WAKES_IN_S:.0f} seconds.",
        param="model",
        code="model_deploying",
        retry_after_s=WAKES_IN_S,
    )


def living_of(session: Session, model_id: str, *, lock: bool = False) -> Deployment | None:
    """The deployment of a model that has not ended, if there is one; lock the model first."""
    named = select(Deployment).where(Deployment.model_id == model_id, Deployment.state.in_(LIVING))
    if lock:
        named = named.with_for_update().execution_options(populate_existing=True)
    return session.scalar(named)


def latest_of(session: Session, model_id: str) -> Deployment | None:
    """The newest deployment of a model, whatever became of it."""
    named = select(Deployment).where(Deployment.model_id == model_id)
    return session.scalar(named.order_by(Deployment.created_at.desc()).limit(1))


def locked_with_model(session: Session, deployment_id: str) -> tuple[TunedModel, Deployment]:
    """A deployment and its model, both locked."""
    model_id = session.get_one(Deployment, deployment_id).model_id
    model = session.get_one(TunedModel, model_id, with_for_update=True, populate_existing=True)
    return model, session.get_one(Deployment, deployment_id, with_for_update=True, populate_existing=True)


def hosting_cost(session: Session, team_id: str, model_id: str) -> tuple[Decimal, Decimal]:
    """What hosting a model has cost, and the part of it in which no request came. In US dollars."""
    entries = booked(team_id, None, None, by=None)
    idle = entries.c.tags[HOSTING_TAG].astext == IDLE
    sums = select(
        func.coalesce(func.sum(entries.c.amount_usd), 0),
        func.coalesce(func.sum(entries.c.amount_usd).filter(idle), 0),
    ).where(entries.c.model == model_id, entries.c.kind == PriceKind.HOSTING_HOURS.value)
    total, unused = session.execute(sums).one()
    return Decimal(total), Decimal(unused)


def served_by_deployments(session: Session, after: str | None, limit: int) -> Page[TunedModel]:
    """Models of all teams at providers that serve deployments, newest first; deleted ones are left out."""
    providers = [one.name for one in settings().providers if not capabilities_of(one.kind).served_at_once]
    theirs = select(TunedModel).where(
        TunedModel.provider.in_(providers),
        TunedModel.deleted_at.is_(None),
        or_(TunedModel.kind == "model", TunedModel.deployment.is_not(None)),
    )
    return fetch_page(
        session,
        theirs,
        sort=TunedModel.created_at,
        id_=TunedModel.id,
        after=after,
        limit=limit,
        cursors=select(TunedModel),
    )


def lock_any_model(session: Session, model_id: str) -> TunedModel:
    """The model or checkpoint of that name, of any team, locked: for admins. Raises `NotFound`."""
    return _locked(session, select(TunedModel).where(TunedModel.id == model_id), model_id)


def lock_model(session: Session, team_id: str, model_id: str) -> TunedModel:
    """A team's model or checkpoint, locked. Raises `NotFound`."""
    own = select(TunedModel).where(TunedModel.id == model_id, TunedModel.team_id == team_id)
    return _locked(session, own, model_id)


def _locked(session: Session, named: Select[TunedModel], model_id: str) -> TunedModel:
    model = session.scalar(named.where(TunedModel.deleted_at.is_(None)).with_for_update())
    if model is None:
        raise unknown_model(model_id)
    return model
