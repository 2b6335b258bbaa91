"""Check that a job's provider can do what is asked of it, by the table of capabilities."""

from service.errors import InvalidRequest
from service.jobs.admission.request import JobRequest
from service.models.queries import Target
from service.providers.kinds.capabilities import Action, capabilities_of, translate
from service.providers.registry import provider_settings, providers_that


def check_fit(target: Target, request: JobRequest) -> None:
    """Refuse a job with anything that its kind of provider does not take.

    Raises `InvalidRequest` with the reason, and with the providers that take it.
    """
    kind = provider_settings(target.provider).kind
    known = capabilities_of(kind)
    if target.tuned is not None and not known.continues_tuned:
        others = providers_that(lambda one: one.continues_tuned)
        raise InvalidRequest(
            f"{target.provider!r} cannot tune a tuned model again. Start from '{target.base.id}', with all "
            f"of your data in one file. Providers that can: {others}.",
            param="model",
            code="tuned_model_not_tunable",
        )
    given = {
        "validation_file": request.validation_file is not None,
        "seed": request.seed is not None,
        "integrations": request.has_integrations,
    }
    for name, reason in known.limits.items():
        if given[name]:
            raise InvalidRequest(
                f"{target.provider!r} does not take '{name}': {reason}. Leave it out. Providers that take "
                f"it: {_takers_of(name)}.",
                param=name,
                code="field_not_supported",
            )
    try:
        translate(kind, request.hyperparameters)
    except ValueError as refusal:
        raise InvalidRequest(str(refusal), param="method.hyperparameters") from refusal


def check_action(provider: str, action: Action) -> None:
    """Refuse an action that a provider does not have. Raises `InvalidRequest`."""
    if action not in capabilities_of(provider_settings(provider).kind).actions:
        raise InvalidRequest(
            f"{provider!r} cannot {action} a job. Providers that can: "
            f"{providers_that(lambda one: action in one.actions)}.",
            param="fine_tuning_job_id",
            code="action_not_supported",
        )


def _takers_of(field: str) -> str:
    return providers_that(lambda one: field not in one.limits)
