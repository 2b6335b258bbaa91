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
    """What becomes of the deployment when nobody uses it, or no budget covers its next hour.

    After `idle_after_hours` without a request there is an event; null turns this off. With `on_idle` or
    `on_budget_end` set to `undeploy`, the model is then undeployed. With `wake_on_request`, a request to a
    model that was undeployed for being idle deploys it again, and gets a 503 with `Retry-After`.
    """

    idle_after_hours: Annotated[int, Field(ge=1, le=24 * 366)] | None = DEFAULT_IDLE_HOURS
    on_idle: WhenDone = "notify"
    on_budget_end: WhenDone = "notify"
    wake_on_request: bool = False

    @model_validator(mode="after")
    def _wakes_what_sleeps(self) -> "DeploymentCreate":
        if self.wake_on_request and (self.on_idle != "undeploy" or self.idle_after_hours is None):
            raise ValueError("'wake_on_request' needs 'on_idle': 'undeploy' and 'idle_after_hours'")
        return self


class DeploymentStateOut(WireOut):
    """A model's deployment, as its team sees it.

    `made_by` is `tunehouse`, or `admin` for one that was made by hand at the provider. `state` is deploying,
    ready, stopping, asleep, ended or failed. `usd_per_hour` is null where hosting is free. Hosting has cost
    `cost_usd`, of which `idle_cost_usd` for hours without a request; both count all deployments of the model.
    """

    object: Literal["model.deployment"] = "model.deployment"
    id: str
    model: str
    made_by: str
    state: str
    usd_per_hour: str | None
    deployed_at: int | None
    charged_until: int | None
    ended_at: int | None
    last_used_at: int | None
    cost_usd: str
    idle_cost_usd: str
    idle_after_hours: int | None
    on_idle: str
    on_budget_end: str
    wake_on_request: bool
    error: str | None
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
