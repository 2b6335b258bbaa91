"""Deployments on the wire."""

from typing import Annotated, Literal

from pydantic import Field

from service.core.http.wire import Text, WireIn, WireOut
from service.models.tables import TunedModel


class DeploymentName(WireIn):
    """The name of a deployment made at the provider."""

    name: Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/#-]{0,254}$", examples=["support-v3"])]


class DeploymentOut(WireOut):
    """A tuned model and its deployment; only admins see the provider's names.

    `id` is Tunehouse's name of the model, `provider_model` the provider's, to deploy, and `name` the
    deployment's, once known.
    """

    object: Literal["model.deployment"] = "model.deployment"
    id: str
    team_id: str
    provider: str
    provider_model: str
    name: str | None


def deployment_out(model: TunedModel) -> DeploymentOut:
    """The wire form of a model's deployment."""
    return DeploymentOut(
        id=model.id,
        team_id=model.team_id,
        provider=model.provider,
        provider_model=model.provider_model,
        name=model.deployment,
    )
