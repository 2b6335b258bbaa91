"""Deployments at Together: an endpoint with one deployment in it, by the API `/v2` of the SDK 3.1.

The endpoint's name carries our stamp. Together bills by the minute while replicas run; we take the time from
the deployment's creation, which is the most that it can bill.
"""

from typing import Any

from service.providers.answers import Garbage, read_items
from service.providers.bounds import PAGE
from service.providers.errors import Gone, OutcomeUnknown, Rejected
from service.providers.failures import translated
from service.providers.kinds.rest_provider import RestProvider, moment_of
from service.providers.kinds.together import reading
from service.providers.port import DeploymentSpec, DeploymentStage, ProviderDeployment
from service.settings import ProviderSettings

_STATE = "DEPLOYMENT_STATE_"
_STAGES: dict[str, DeploymentStage] = {
    "PROVISIONING": "deploying",
    "SCALING": "deploying",
    "READY": "ready",
    "DEGRADED": "ready",
    "FAILED": "failed",
    "STOPPING": "deploying",
    "STOPPED": "failed",
}


class TogetherHosting(RestProvider):
    """Deploys models at Together; the port documents the methods. An id is `ENDPOINT/DEPLOYMENT`."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings, settings.base_url)
        self._v2 = self._rest.at(settings.base_url.rstrip("/").removesuffix("/v1") + "/v2")

    def deploy(self, spec: DeploymentSpec) -> ProviderDeployment:
        config = self.settings.machine_for(spec.base_model)
        if config is None or self.settings.hosting_project is None:
            raise Rejected(
                "No project and config are configured for this base.", code="hosting_not_configured"
            )
        endpoint = self._endpoint(spec)
        if endpoint is None:
            asked = {"name": _name_of(spec.stamp), "visibility": "VISIBILITY_PRIVATE"}
            endpoint = self._v2.post(self._place(), asked)
        endpoint_id = self._id_of(endpoint)
        for known in self._deployments_in(endpoint):
            return self._get(endpoint_id, self._id_of(known))
        project = f"projects/{self.settings.hosting_project}"
        body = {
            "name": "main",
            "model": f"{project}/models/{self._registered(spec.model)}",
            "config": f"{project}/configs/{config}",
            "autoscaling": {"minReplicas": 1, "maxReplicas": 1},
        }
        return self._read(endpoint_id, self._v2.post(f"{self._place()}/{endpoint_id}/deployments", body))

    def get_deployment(self, spec: DeploymentSpec) -> ProviderDeployment:
        endpoint_id, _, deployment_id = (spec.known_id or "").partition("/")
        try:
            return self._get(endpoint_id, deployment_id)
        except Gone:
            return ProviderDeployment(spec.known_id or "", "gone")

    def undeploy(self, spec: DeploymentSpec) -> None:
        endpoint = self._endpoint(spec)
        if endpoint is None:
            return
        place = f"{self._place()}/{self._id_of(endpoint)}"
        for known in self._deployments_in(endpoint):
            self._forget(f"{place}/deployments/{self._id_of(known)}")
        self._forget(place)

    def _place(self) -> str:
        return f"/projects/{self.settings.hosting_project}/endpoints"

    def _endpoint(self, spec: DeploymentSpec) -> dict[str, Any] | None:
        """The endpoint with our stamp in its name, `PROJECT/NAME`."""
        name = _name_of(spec.stamp)
        listed = self._v2.get(self._place(), {"filter": f'name = "{name}"'}, answer=PAGE)
        with translated(self._clean, repeatable=True):
            there = [one for one in read_items(listed) if str(one.get("name")).rpartition("/")[2] == name]
        if not there and listed.get("next_cursor"):
            raise OutcomeUnknown("The provider's list is too long to look through.")
        return next(iter(there), None)

    def _deployments_in(self, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
        found = endpoint.get("deployments")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def _registered(self, model: str) -> str:
        """The id in Together's registry of a tuned model, known to us as `ft-…`, or of a checkpoint of it."""
        job_id, _, step = model.partition(":")
        if step:
            listed = self._rest.get(f"/fine-tunes/{job_id}/checkpoints", answer=PAGE)
            with translated(self._clean, repeatable=True):
                return reading.object_id_of(read_items(listed), int(step))
        with translated(self._clean, repeatable=True):
            return reading.id_of({"id": self._rest.get(f"/fine-tunes/{job_id}").get("model_object_id")})

    def _get(self, endpoint_id: str, deployment_id: str) -> ProviderDeployment:
        return self._read(
            endpoint_id, self._v2.get(f"{self._place()}/{endpoint_id}/deployments/{deployment_id}")
        )

    def _read(self, endpoint_id: str, raw: dict[str, Any]) -> ProviderDeployment:
        status = raw.get("status")
        state = status.get("state") if isinstance(status, dict) else None
        message = status.get("message") if isinstance(status, dict) else None
        with translated(self._clean, repeatable=True):
            stage = _STAGES.get(str(state).removeprefix(_STATE))
            if stage is None:
                raise Garbage("The provider reports an unknown state of a deployment.")
        return ProviderDeployment(
            id=f"{endpoint_id}/{self._id_of(raw)}",
            stage=stage,
            name=str(raw.get("name"))[:255],
            started_at=moment_of(raw.get("createdAt")),
            problem=self._clean(message) if isinstance(message, str) and stage == "failed" else None,
        )

    def _id_of(self, raw: dict[str, Any]) -> str:
        with translated(self._clean, repeatable=True):
            return reading.id_of(raw)

    def _forget(self, path: str) -> None:
        try:
            self._v2.delete(path)
        except Gone:
            return


def _name_of(stamp: str) -> str:
    return stamp.replace("_", "-").lower()
