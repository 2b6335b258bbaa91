"""Write a job's request so that another provider takes it, and note what that changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.jobs.methods import Method
from service.jobs.retrain.plan import body_of
from service.jobs.retrain.recipe import RecipeLink
from service.jobs.schemas import JobCreate
from service.models.queries import Target
from service.providers.kinds.capabilities import Capabilities, capabilities_of, translate


@dataclass(frozen=True)
class FittedBody:
    """A job's request for its new provider, its hyperparameters in that provider's terms, and the changes."""

    body: JobCreate
    sent_as: dict[str, Any]
    notes: Sequence[str]


def fit_body(link: RecipeLink, target: Target, training_file: str) -> FittedBody:
    """Return the request that repeats a job at another provider.

    Fields and hyperparameters that the provider does not take are left out, with a note. Raises
    `InvalidRequest` if the job cannot be repeated anywhere.
    """
    kind = target.base.provider_kind
    known = capabilities_of(kind)
    body = body_of(
        link.job,
        model=target.model_id,
        training_file=training_file,
        validation_file=link.validation.living_id if link.validation else None,
        acknowledge_shutdown=False,
    )
    body, notes = _without_refused(body, known)
    if link.validation and link.validation.living_id is None:
        notes.append("Its validation file was deleted, so the job has none.")
    if known.hyperparameters is not None:
        body, left = _without_unknown(body, target)
        notes += left
    assert body.method is not None, "body_of sets it"  # noqa: S101
    hyperparameters = body.method.settings.hyperparameters.model_dump()
    return FittedBody(body, translate(kind, hyperparameters), notes)


def _without_refused(body: JobCreate, known: Capabilities) -> tuple[JobCreate, list[str]]:
    given = {
        "validation_file": body.validation_file is not None,
        "seed": body.seed is not None,
        "integrations": bool(body.integrations),
    }
    refused = [name for name in known.limits if given[name]]
    notes = [f"{name} is left out: {known.limits[name]}." for name in refused]
    return body.model_copy(update=dict.fromkeys(refused)), notes


def _without_unknown(body: JobCreate, target: Target) -> tuple[JobCreate, list[str]]:
    """Leave each hyperparameter that the provider does not take to the provider."""
    method = body.method
    assert method is not None, "body_of sets it"  # noqa: S101
    settings = method.settings
    values = settings.hyperparameters
    notes, freed = [], {}
    for name, value in values.model_dump().items():
        try:
            translate(target.base.provider_kind, {name: value})
        except ValueError as refusal:
            freed[name] = type(values).model_fields[name].default
            notes.append(f"{name} {value} is left to the provider. {refusal}")
    fitted = settings.model_copy(update={"hyperparameters": values.model_copy(update=freed)})
    replaced = Method.model_validate({"type": method.type, method.type: fitted.model_dump(exclude_none=True)})
    return body.model_copy(update={"method": replaced}), notes
