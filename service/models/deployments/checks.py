"""Refuse deployments that a provider cannot make, of models that have shut down or that need none."""

from sqlalchemy.orm import Session

from service.errors import InvalidRequest
from service.models.queries import resolve
from service.models.shutdowns.checks import check_serving
from service.models.tables import TunedModel
from service.providers.kinds.capabilities import capabilities_of, kinds_that
from service.providers.registry import provider_settings, providers_that


def check_deployable(session: Session, model: TunedModel) -> None:
    """Check that Tunehouse can deploy a model. The errors say which providers can, or what is missing.

    Raises `InvalidRequest`, `NotFound` for a model that has shut down, `NotConfigured`.
    """
    check_serving(session, resolve(session, model.team_id, model.id))
    provider = provider_settings(model.provider)
    known = capabilities_of(provider.kind)
    if known.served_at_once:
        raise InvalidRequest(
            f"The model {model.id!r} answers without a deployment: {model.provider!r} serves tuned models at "
            "once. Send your request to it.",
            param="model",
            code="deployment_not_needed",
        )
    if not known.deploys:
        raise InvalidRequest(
            f"Tunehouse cannot deploy models at {model.provider!r}: an administrator deploys the model there "
            "and sets its name with PUT. Kinds of provider where it can: "
            f"{kinds_that(lambda one: one.deploys)}; configured: {providers_that(lambda one: one.deploys)}.",
            param="model",
            code="action_not_supported",
        )
    if known.needs_machine and provider.machine_for(model.base_model) is None:
        raise InvalidRequest(
            f"No machine is configured for models tuned from {model.base_model!r} at {model.provider!r}. Ask "
            "an administrator to set the provider's 'hosting_machines'.",
            param="model",
            code="hosting_not_configured",
        )
