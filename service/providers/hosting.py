"""The part of the port that deploys models, for providers that do not."""

from service.providers.errors import Rejected
from service.providers.port import DeploymentSpec, ProviderDeployment


class NoHosting:
    """Refuses deployments; admission refuses them before, by the table of capabilities."""

    def deploy(self, spec: DeploymentSpec) -> ProviderDeployment:
        raise _refusal()

    def get_deployment(self, spec: DeploymentSpec) -> ProviderDeployment:
        raise _refusal()

    def undeploy(self, spec: DeploymentSpec) -> None:
        raise _refusal()


def _refusal() -> Rejected:
    return Rejected("Tunehouse cannot deploy models at this provider.", code="action_not_supported")
