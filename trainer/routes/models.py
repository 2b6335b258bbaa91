"""`/models`: bases on offer and tuned models."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from trainer.errors import ApiError, no_such_model
from trainer.state import state_of
from trainer.web.http import answer
from trainer.web.wire import show_base, show_tuned

router = APIRouter()


@router.get("/models")
async def list_models(request: Request) -> Response:
    """Every base and tuned model on one page; checkpoints are found by name only."""
    core = state_of(request).core
    data = [show_base(core, base.name) for base in core.settings.bases]
    data += [show_tuned(core, model) for model in core.store.models.all()]
    return answer({"object": "list", "data": data})


@router.get("/models/{name:path}")
async def retrieve(request: Request, name: str) -> Response:
    """One model by its name, which may hold colons."""
    core = state_of(request).core
    if core.base(name):
        return answer(show_base(core, name))
    model = core.store.models.get(name)
    if model is None:
        raise no_such_model(name)
    return answer(show_tuned(core, model))


@router.delete("/models/{name:path}")
async def delete(request: Request, name: str) -> Response:
    """Forget a tuned model; models tuned from it keep working."""
    core = state_of(request).core
    if core.base(name):
        raise ApiError(403, f"The base model {name} cannot be deleted.", param="model")
    if core.store.models.get(name) is None:
        raise no_such_model(name)
    if name in core.control.state.deployments.values():
        raise ApiError(409, f"The model {name} is deployed; delete its deployments first.", param="model")
    core.store.models.delete(name)
    return answer({"id": name, "object": "model", "deleted": True})
