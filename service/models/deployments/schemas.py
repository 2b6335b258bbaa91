"""Deployments on the wire."""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from sqlalchemy.orm import Session

from service.catalog.prices import price_by_id
from service.core.clock import optional_unix, unix
from service.core.http.wire import Text, WireIn, WireOut
from service.ledger.money import usd
from service.models.deployments.actions import DEFAULT_IDLE_HOURS, WhenDone
from service.models.deployments.queries import hosting_cost
from service.models.deployments.tables import Deployment
from service.models.tables import TunedModel


class DeploymentName(WireIn):
    """A deployment that was made at the provider."""

    name: Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/#-]{0,254}$", examples=["support-v3"])]
    """The deployment's name there."""


class DeploymentCreate(WireIn):
    """What becomes of a deployment that nobody uses, or whose next hour no budget covers."""

    idle_after_hours: Annotated[int, Field(ge=1, le=24 * 366)] | None = DEFAULT_IDLE_HOURS
    """Hours without a request until the event `model.deployment_idle`; null for never."""
    on_idle: WhenDone = "notify"
    """Whether an idle model is only reported, or undeployed too."""
    on_budget_end: WhenDone = "notify"
    """Whether a model whose next hour no budget covers is only reported, or undeployed too."""
    wake_on_request: bool = False
    """Whether a request deploys the model again after it was undeployed for being idle."""

    @model_validator(mode="after")
    def _wakes_what_sleeps(self) -> "DeploymentCreate":
        if self.wake_on_request and (self.on_idle != "undeploy" or self.idle_after_hours is None):
            raise ValueError("'wake_on_request' needs 'on_idle': 'undeploy' and 'idle_after_hours'")
        return self


class DeploymentStateOut(WireOut):
    """A model's deployment, as its team sees it."""

    object: Literal["model.deployment"] = "model.deployment"
    id: str
    """The deployment's id."""
    model: str
    """The tuned model that it serves."""
    made_by: str
    """`tunehouse`, or `admin` for one that was made by hand at the provider."""
    state: str
    """`deploying`, `ready`, `stopping`, `asleep`, `ended` or `failed`."""
    usd_per_hour: str | None
    """What each hour costs; null where hosting is free."""
    deployed_at: int | None
    """When it began to cost money, in unix seconds; null until then."""
    charged_until: int | None
    """Until when it has been charged, in unix seconds; null until it is deployed."""
    ended_at: int | None
    """When it ended or fell asleep, in unix seconds; null until then."""
    last_used_at: int | None
    """The latest request that its idle guard has seen, in unix seconds; null without one."""
    cost_usd: str
    """What hosting the model has cost, in this and in earlier deployments."""
    idle_cost_usd: str
    """The part of `cost_usd` for hours in which no request came."""
    idle_after_hours: int | None
    """Hours without a request until it counts as idle; null for never."""
    on_idle: str
    """`notify` or `undeploy`, once it is idle."""
    on_budget_end: str
    """`notify` or `undeploy`, once no budget covers its next hour."""
    wake_on_request: bool
    """Whether a request deploys the model again while it is `asleep`."""
    error: str | None
    """Why the provider could not deploy the model; null if it could."""
    created_at: int


class DeploymentOut(WireOut):
    """A tuned model and its deployment; only admins see the provider's names."""

    object: Literal["model.deployment"] = "model.deployment"
    id: str
    """The model's name here."""
    team_id: str
    provider: str
    provider_model: str
    """The model's name at the provider, to deploy it."""
    name: str | None
    """The deployment's name; null until it is known."""


def deployment_out(model: TunedModel) -> DeploymentOut:
    """The wire form of a model's deployment."""
    return DeploymentOut(
        id=model.id,
        team_id=model.team_id,
        provider=model.provider,
        provider_model=model.provider_model,
        name=model.deployment,
    )


def deployment_state_out(session: Session, deployment: Deployment) -> DeploymentStateOut:
    """The wire form of a deployment for its team, with what hosting the model has cost."""
    cost, idle = hosting_cost(session, deployment.team_id, deployment.model_id)
    price = None if deployment.price_id is None else price_by_id(session, deployment.price_id)
    return DeploymentStateOut(
        id=deployment.id,
        model=deployment.model_id,
        made_by=deployment.made_by,
        state=deployment.state,
        usd_per_hour=None if price is None else usd(price.amount_usd),
        deployed_at=optional_unix(deployment.started_at),
        charged_until=optional_unix(deployment.metered_until),
        ended_at=optional_unix(deployment.ended_at),
        last_used_at=optional_unix(deployment.last_used_at),
        cost_usd=usd(cost),
        idle_cost_usd=usd(idle),
        idle_after_hours=deployment.idle_after_hours,
        on_idle=deployment.on_idle,
        on_budget_end=deployment.on_budget_end,
        wake_on_request=deployment.wake_on_request,
        error=deployment.error,
        created_at=unix(deployment.created_at),
    )
