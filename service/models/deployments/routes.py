"""Admin routes for the deployments of tuned models, at providers that serve deployments."""

from typing import Annotated

from fastapi import APIRouter, Query

from service.core.http.pages import ListOut, list_out
from service.core.http.web import RequestSession
from service.models.deployments.actions import set_deployment
from service.models.deployments.queries import lock_any_model, served_by_deployments
from service.models.deployments.schemas import DeploymentName, DeploymentOut, deployment_out
from service.models.paths import ModelId
from service.teams.access import Admin
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1", tags=["models"], route_class=IdempotentRoute)

Limit = Annotated[int, Query(ge=1, le=100)]


@router.get("/model_deployments")
def list_deployments(
    session: RequestSession, _: Admin, after: str | None = None, limit: Limit = 20
) -> ListOut[DeploymentOut]:
    """List all teams' models at providers that serve deployments, newest first, deployed or not."""
    page = served_by_deployments(session, after, limit)
    return list_out([deployment_out(model) for model in page.rows], page.has_more)


@router.put("/models/{model_id:path}/deployment")
def put_deployment(
    model_id: ModelId, body: DeploymentName, session: RequestSession, _: Admin
) -> DeploymentOut:
    """Set the deployment that serves a tuned model or checkpoint, from the next request on."""
    model = lock_any_model(session, model_id)
    set_deployment(session, model, body.name)
    return deployment_out(model)


@router.delete("/models/{model_id:path}/deployment")
def delete_deployment(model_id: ModelId, session: RequestSession, _: Admin) -> DeploymentOut:
    """Remove a model's deployment name."""
    model = lock_any_model(session, model_id)
    set_deployment(session, model, None)
    return deployment_out(model)
