"""Routes with which admins say what tuned models are deployed as, at providers that serve deployments."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from service.core.pages import ListOut, list_out
from service.core.web import RequestSession
from service.core.wire import Text, WireIn, WireOut
from service.models.deployments import actions as deployments
from service.models.paths import ModelId
from service.models.tables import TunedModel
from service.teams.access import Admin
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1", tags=["models"], route_class=IdempotentRoute)

Limit = Annotated[int, Query(ge=1, le=100)]


class DeploymentName(WireIn):
    """The name of a deployment that was made at the provider."""

    name: Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", examples=["support-v3"])]


class DeploymentOut(WireOut):
    """A tuned model and what it is deployed as; admins alone see the provider's names.

    `id` is our name of the model, `provider_model` the one to deploy, `name` the deployment's, once known.
    """

    object: Literal["model.deployment"] = "model.deployment"
    id: str
    team_id: str
    provider: str
    provider_model: str
    name: str | None


@router.get("/model_deployments")
def list_deployments(
    session: RequestSession, _: Admin, after: str | None = None, limit: Limit = 20
) -> ListOut[DeploymentOut]:
    """All teams' models at providers that serve deployments, those without one too, newest first."""
    page = deployments.served_by_deployments(session, after, limit)
    return list_out([_out(model) for model in page.rows], page.has_more)


@router.put("/models/{model_id:path}/deployment")
def put_deployment(
    model_id: ModelId, body: DeploymentName, session: RequestSession, _: Admin
) -> DeploymentOut:
    """Say what a tuned model or checkpoint is deployed as; requests for it go there from then on."""
    model = deployments.get_any_model(session, model_id)
    deployments.set_deployment(session, model, body.name)
    return _out(model)


@router.delete("/models/{model_id:path}/deployment")
def delete_deployment(model_id: ModelId, session: RequestSession, _: Admin) -> DeploymentOut:
    """Say that a model is deployed no more."""
    model = deployments.get_any_model(session, model_id)
    model.deployment = None
    session.flush()
    return _out(model)


def _out(model: TunedModel) -> DeploymentOut:
    return DeploymentOut(
        id=model.id,
        team_id=model.team_id,
        provider=model.provider,
        provider_model=model.provider_model,
        name=model.deployment,
    )
