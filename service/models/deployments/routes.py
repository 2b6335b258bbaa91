"""Routes for the deployments of tuned models, at providers that serve deployments."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from service.core.http.pages import ListOut, list_out
from service.core.http.web import RequestSession
from service.errors import Forbidden, NotFound
from service.models.deployments.actions import Guard, deploy, set_deployment, stop
from service.models.deployments.checks import check_deployable
from service.models.deployments.queries import (
    latest_of,
    living_of,
    lock_any_model,
    lock_model,
    served_by_deployments,
)
from service.models.deployments.schemas import (
    DeploymentCreate,
    DeploymentName,
    DeploymentOut,
    DeploymentStateOut,
    deployment_out,
    deployment_state_out,
)
from service.models.deployments.states import StopReason
from service.models.paths import ModelId
from service.models.queries import get_model
from service.models.tables import TunedModel
from service.teams.access import Admin, Caller, Reader, Trainer
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


@router.post("/models/{model_id:path}/deployment")
def create_deployment(
    model_id: ModelId, body: DeploymentCreate, session: RequestSession, caller: Trainer
) -> DeploymentStateOut:
    """Deploy a tuned model, or change what becomes of its deployment. The budget holds the first hour."""
    model = lock_model(session, caller.team, model_id)
    check_deployable(session, model)
    guard = Guard(**body.model_dump())
    return deployment_state_out(session, deploy(session, model, caller.account_id, guard))


@router.get("/models/{model_id:path}/deployment")
def retrieve_deployment(model_id: ModelId, session: RequestSession, caller: Reader) -> DeploymentStateOut:
    """Get a tuned model's latest deployment, its state and what hosting the model has cost."""
    model = get_model(session, caller.team, model_id)
    found = latest_of(session, model.id)
    if found is None:
        raise _none(model_id)
    return deployment_state_out(session, found)


@router.put("/models/{model_id:path}/deployment")
def put_deployment(
    model_id: ModelId, body: DeploymentName, session: RequestSession, _: Admin
) -> DeploymentOut:
    """Set the name of a deployment that was made by hand at the provider. Its hosting is charged from now."""
    model = lock_any_model(session, model_id)
    set_deployment(session, model, body.name)
    return deployment_out(model)


@router.delete("/models/{model_id:path}/deployment")
def delete_deployment(model_id: ModelId, session: RequestSession, caller: Trainer) -> DeploymentStateOut:
    """Undeploy a tuned model. An admin also removes the name of a deployment that was made by hand."""
    model = _locked(session, caller, model_id)
    living = living_of(session, model.id, lock=True)
    if living is None and (model.deployment is None or not caller.is_admin):
        raise _none(model_id)
    if living is not None and living.made_by == "tunehouse":
        stop(session, model, living, StopReason.REQUEST)
    elif not caller.is_admin:
        raise Forbidden(
            "An administrator deployed this model by hand. Ask for it to be removed at the provider and here."
        )
    else:
        set_deployment(session, model, None)
    found = latest_of(session, model.id)
    if found is None:
        raise _none(model_id)
    return deployment_state_out(session, found)


def _locked(session: Session, caller: Caller, model_id: str) -> TunedModel:
    if caller.is_admin and caller.team_id is None:
        return lock_any_model(session, model_id)
    return lock_model(session, caller.team, model_id)


def _none(model_id: str) -> NotFound:
    return NotFound(f"The model {model_id!r} is not deployed.", param="model", code="model_not_deployed")
