"""Deployments at Fireworks: a machine with the base, and the tuned model loaded on it.

We choose the machine's id, so a repeated create can only be "already exists". Fireworks bills GPU-seconds; it
does not publish from when on, so we take the time of creation, which is the most that it can bill.
"""

import hashlib
from typing import Any

from service.providers.bounds import PAGE
from service.providers.errors import Gone, Rejected
from service.providers.failures import translated
from service.providers.kinds.fireworks import reading
from service.providers.kinds.rest_provider import RestProvider, moment_of
from service.providers.port import DeploymentSpec, DeploymentStage, ProviderDeployment

_ALREADY_EXISTS = 409
_PAGE_SIZE = "200"


class FireworksHosting(RestProvider):
    """Deploys models at Fireworks; the port documents the methods."""

    _account: str

    def deploy(self, spec: DeploymentSpec) -> ProviderDeployment:
        name = self._machine(spec)
        try:
            raw = self._rest.get(f"/{name}")
        except Gone:
            raw = self._create(name, spec)
        found = self._read(name, raw)
        if found.stage != "ready":
            return found
        loaded = self._loaded(name, spec.model)
        return self._with_model(found, loaded or self._load(name, spec.model), spec)

    def get_deployment(self, spec: DeploymentSpec) -> ProviderDeployment:
        name = self._machine(spec)
        try:
            found = self._read(name, self._rest.get(f"/{name}"))
        except Gone:
            return ProviderDeployment(name, "gone")
        return (
            found if found.stage != "ready" else self._with_model(found, self._loaded(name, spec.model), spec)
        )

    def undeploy(self, spec: DeploymentSpec) -> None:
        name = self._machine(spec)
        try:
            # With `ignoreChecks`, it is deleted although it answered requests a moment ago.
            self._rest.delete(f"/{name}", {"ignoreChecks": "true"})
        except Gone:
            return

    def _machine(self, spec: DeploymentSpec) -> str:
        return f"{self._account}/deployments/{_id_of(spec.stamp)}"

    def _create(self, name: str, spec: DeploymentSpec) -> dict[str, Any]:
        shape = self.settings.machine_for(spec.base_model)
        if shape is None:
            raise Rejected("No deployment shape is configured for this base.", code="hosting_not_configured")
        body = {
            "displayName": spec.stamp,
            "baseModel": spec.base_model,
            "deploymentShape": shape,
            "enableAddons": True,
            "minReplicaCount": 1,
            "maxReplicaCount": 1,
        }
        asked = {"deploymentId": name.rpartition("/")[2]}
        try:
            return self._rest.post(f"/{self._account}/deployments", body, params=asked)
        except Rejected as refusal:
            if refusal.status != _ALREADY_EXISTS:
                raise
            return self._rest.get(f"/{name}")

    def _load(self, name: str, model: str) -> dict[str, Any] | None:
        try:
            return self._rest.post(f"/{self._account}/deployedModels", {"model": model, "deployment": name})
        except Rejected as refusal:
            if refusal.status != _ALREADY_EXISTS:
                raise
            return None  # the next look shows it

    def _loaded(self, name: str, model: str) -> dict[str, Any] | None:
        listed = self._rest.get(f"/{self._account}/deployedModels", {"pageSize": _PAGE_SIZE}, answer=PAGE)
        with translated(self._clean, repeatable=True):
            there = reading.items_of(listed, "deployedModels")
        return next(
            (one for one in there if (one.get("model"), one.get("deployment")) == (model, name)), None
        )

    def _read(self, name: str, raw: dict[str, Any]) -> ProviderDeployment:
        state, created = raw.get("state"), moment_of(raw.get("createTime"))
        if state in ("DELETED", "DELETING"):
            return ProviderDeployment(name, "gone", None, created, moment_of(raw.get("deleteTime")))
        if state == "FAILED":
            said = reading.status_message(raw, self._clean)
            return ProviderDeployment(name, "failed", None, created, problem=said)
        return ProviderDeployment(
            name, "ready" if state in ("READY", "UPDATING") else "deploying", None, created
        )

    def _with_model(
        self, found: ProviderDeployment, loaded: dict[str, Any] | None, spec: DeploymentSpec
    ) -> ProviderDeployment:
        state = None if loaded is None else loaded.get("state")
        stage: DeploymentStage = "ready" if state in ("DEPLOYED", "UPDATING") else "deploying"
        return ProviderDeployment(found.id, stage, f"{spec.model}#{found.id}", found.started_at)


def _id_of(stamp: str) -> str:
    return f"tunehouse-{hashlib.sha256(stamp.encode()).hexdigest()[:40]}"
