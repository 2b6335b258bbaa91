"""Deployments on the wire."""

from typing import Annotated, Literal

from pydantic import Field

from service.core.http.wire import Text, WireIn, WireOut
from service.models.tables import TunedModel


class DeploymentName(WireIn):
    """A deployment that was made at the provider."""

    name: Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/#-]{0,254}$", examples=["support-v3"])]
    """The deployment's name there."""


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
