"""The page of a new job: a form, with the estimate and the budget beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from service.core.db import transaction
from service.core.http.web import RequestSession
from service.errors import NotFound, TunehouseError
from service.files.queries import list_files
from service.files.tables import FileStatus, Purpose
from service.jobs.routes import create_estimate, create_job, retrieve_job
from service.jobs.schemas import EstimateOut, JobCreate
from service.models.routes import every_model
from service.pages.forms import Posted
from service.pages.render import Refilled, leave, render
from service.teams.access import Caller, Trainer
from service.teams.idempotency import IdempotentRoute

router = APIRouter(route_class=IdempotentRoute)

_MOST_FILES = 200
_FIELDS = (
    "model",
    "method",
    "training_file",
    "validation_file",
    "suffix",
    "n_epochs",
    "batch_size",
    "learning_rate_multiplier",
    "max_cost_usd",
)
_HYPERPARAMETERS = ("n_epochs", "batch_size", "learning_rate_multiplier")
_METHODS = ("supervised", "dpo")


@dataclass(frozen=True)
class Draft:
    """A form as filled in, what is wrong in it by field, and the estimate if it could be made."""

    values: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)
    refusal: TunehouseError | None = None
    estimate: EstimateOut | None = None


@router.get("/jobs/new")
def new_job(request: Request, caller: Trainer, like: str = "") -> Response:
    """Show the form; with a model and data, also the estimate."""
    values = {name: request.query_params.get(name, "").strip() for name in _FIELDS}
    # An estimate tries the hold and takes it back, which the session of a GET, made for reading, cannot.
    with transaction() as session:
        if like:
            values = _values_of(session, caller, like) | {name: text for name, text in values.items() if text}
        return _page(request, session, caller, _draft(session, caller, values))


@router.post("/jobs/new")
def create(request: Request, form: Posted, session: RequestSession, caller: Trainer) -> Response:
    """Create the job, or show the form again with what is wrong."""
    values = {name: form.get(name, "").strip() for name in _FIELDS}
    try:
        created = create_job(request, JobCreate.model_validate(_body(values)), session, caller)
    except ValidationError as wrong:
        draft = Draft(values, errors=_by_field(wrong))
        raise Refilled(_page(request, session, caller, draft, status=422)) from wrong
    except TunehouseError as refusal:
        draft = Draft(values, refusal=refusal)
        raise Refilled(_page(request, session, caller, draft, status=422)) from refusal
    return leave(request, f"/jobs/{created.id}", "The job has been created.")


def _draft(session: Session, caller: Caller, values: Mapping[str, str]) -> Draft:
    if not (values["model"] and values["training_file"]):
        return Draft(values)
    try:
        body = JobCreate.model_validate(_body(values))
        return Draft(values, estimate=create_estimate(body, session, caller))
    except ValidationError as wrong:
        return Draft(values, errors=_by_field(wrong))
    except TunehouseError as refusal:
        return Draft(values, refusal=refusal)


def _page(request: Request, session: Session, caller: Caller, draft: Draft, *, status: int = 200) -> Response:
    files = list_files(
        session,
        caller.team,
        purpose=Purpose.FINE_TUNE,
        after=None,
        limit=_MOST_FILES,
        order="desc",
    ).rows
    models = every_model(session, caller)
    return render(
        request,
        "job_new.html",
        status=status,
        draft=draft,
        files=[file for file in files if file.status == FileStatus.PROCESSED],
        tuned=[model for model in models if model.tunehouse.methods is None],
        bases=[model for model in models if model.tunehouse.methods],
        methods=_METHODS,
    )


def _body(values: Mapping[str, str]) -> dict[str, Any]:
    """Return the body that the API would take for this form."""
    asked = {
        name: values[name] for name in ("model", "training_file", "validation_file", "suffix") if values[name]
    }
    hyperparameters = {name: values[name] for name in _HYPERPARAMETERS if values[name]}
    method = values["method"] or "supervised"
    body: dict[str, Any] = asked | {
        "method": {
            "type": method,
            method: {"hyperparameters": {k: _number(v) for k, v in hyperparameters.items()}},
        }
    }
    if values["max_cost_usd"]:
        body["tunehouse"] = {"max_cost_usd": values["max_cost_usd"]}
    return body


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _by_field(wrong: ValidationError) -> dict[str, str]:
    """Return the first message for each field of the form."""
    found: dict[str, str] = {}
    for error in wrong.errors():
        name = next((str(part) for part in reversed(error["loc"]) if part in _FIELDS), "model")
        found.setdefault(name, error["msg"].removeprefix("Value error, "))
    return found


def _values_of(session: Session, caller: Caller, job_id: str) -> dict[str, str]:
    """Return the form of an earlier job. Raises `NotFound`."""
    job = retrieve_job(job_id, session, caller)
    method = str(job.method.get("type"))
    if method not in _METHODS:
        raise NotFound(f"{method} jobs cannot be repeated here; use the API, or retrain the model.")
    settings = job.method[method].get("hyperparameters", {})
    chosen = {name: str(settings[name]) for name in _HYPERPARAMETERS if settings.get(name, "auto") != "auto"}
    return (
        dict.fromkeys(_FIELDS, "")
        | chosen
        | {
            "model": job.model,
            "method": method,
            "training_file": job.training_file,
            "validation_file": job.validation_file or "",
            "suffix": job.user_provided_suffix or "",
        }
    )
