"""Nebius Token Factory: OpenAI's wire with deviations (docs.tokenfactory.nebius.com, May 2026).

Its jobs have no metadata, so the suffix carries our stamp. A finished job names no model: its last checkpoint
is the model, known to us as `{job}:{checkpoint}`, which is also what a deployment takes as its source.
"""

import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from openai import omit

from service.providers import mapping
from service.providers.errors import Gone, Rejected
from service.providers.failures import translated
from service.providers.kinds.capabilities import translate
from service.providers.openai_wire import OpenAIWire
from service.providers.port import (
    DeploymentSpec,
    DeploymentStage,
    ProviderCheckpoint,
    ProviderDeployment,
    ProviderJob,
    ProviderJobSpec,
)
from service.providers.rest import Rest
from service.settings import ProviderSettings


class NebiusWire(OpenAIWire):
    """Nebius: stamps in suffixes, absolute learning rates, models that are checkpoints."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings)
        root = settings.base_url.rstrip("/").removesuffix("/v1")
        self._v0 = Rest(settings, f"{root}/v0", self._clean)  # deployments are not part of OpenAI's wire
        self._closing_v0 = weakref.finalize(self, self._v0.close)

    def close(self) -> None:
        super().close()
        self._closing_v0()

    def get_job(self, job_id: str) -> ProviderJob:
        job = super().get_job(job_id)
        if job.status != "succeeded":
            return job
        last = max(self.list_checkpoints(job_id), key=lambda one: one.step, default=None)
        return replace(job, fine_tuned_model=last.model if last else None)

    def list_checkpoints(self, job_id: str) -> list[ProviderCheckpoint]:
        return [replace(one, model=f"{job_id}:{one.id}") for one in super().list_checkpoints(job_id)]

    def delete_model(self, model: str) -> None:
        """Delete the weights; a checkpoint's entry itself stays in its job."""
        job_id, _, checkpoint_id = model.partition(":")
        for file_id in self._weights(job_id, checkpoint_id):
            self.delete_file(file_id)

    def deploy(self, spec: DeploymentSpec) -> ProviderDeployment:
        """Nebius adds four letters to our name, so that an earlier attempt is found by the list of models."""
        name = spec.known_id or self._deployed_as(spec)
        if name is not None:
            return self._deployment(name)
        body = {"name": _name_of(spec), "base_model": spec.serving_base, "source": spec.model}
        return self._read_deployment(self._v0.post("/models", body))

    def get_deployment(self, spec: DeploymentSpec) -> ProviderDeployment:
        found = self._deployment(spec.known_id or "")
        # Only just after its creation is a name unknown that exists.
        return replace(found, stage="gone") if found.name is None and found.stage == "deploying" else found

    def undeploy(self, spec: DeploymentSpec) -> None:
        name = spec.known_id or self._deployed_as(spec)
        if name is not None:
            with suppress(Gone):
                self._v0.delete(f"/models/{quote(name)}")

    def _deployed_as(self, spec: DeploymentSpec) -> str | None:
        start = f"{spec.serving_base}-LoRa:{_name_of(spec)}-"
        return next((one.id for one in self.list_models() if one.id.startswith(start)), None)

    def _deployment(self, name: str) -> ProviderDeployment:
        try:
            return self._read_deployment(self._v0.get(f"/models/{quote(name)}"))
        except Gone:
            return ProviderDeployment(name, "deploying")

    def _read_deployment(self, raw: Mapping[str, Any]) -> ProviderDeployment:
        status, reason = raw.get("status"), raw.get("status_reason")
        with translated(self._clean, repeatable=True):
            name = mapping.file_id_of({"id": raw.get("name")})
        stages: dict[object, DeploymentStage] = {"active": "ready", "error": "failed", "deleted": "gone"}
        problem = self._clean(str(reason or "the provider does not say why")) if status == "error" else None
        return ProviderDeployment(name, stages.get(status, "deploying"), name, problem=problem)

    def _weights(self, job_id: str, checkpoint_id: str) -> list[str]:
        try:
            for raw in self._walker.items(lambda after: self._fetch_checkpoints(job_id, after)):
                if raw.get("id") == checkpoint_id:
                    return list(mapping.result_file_ids(raw))
        except Rejected:  # the job is gone, and its weights with it
            return []
        return []

    def _body(self, spec: ProviderJobSpec) -> dict[str, Any]:
        return {
            "model": spec.model,
            "training_file": spec.training_file_id,
            "validation_file": spec.validation_file_id or omit,
            "suffix": spec.stamp,
            "seed": omit if spec.seed is None else spec.seed,
        }

    def _extra_body(self, spec: ProviderJobSpec) -> dict[str, Any] | None:
        asked = spec.method[spec.method["type"]].get("hyperparameters", {})
        # Only LoRA adapters can be served without a machine of one's own.
        return {"hyperparameters": translate("nebius", asked) | {"lora": True}}

    def _read_job(self, raw: Mapping[str, Any], asked: str | None = None) -> ProviderJob:
        job = super()._read_job(raw, asked)
        # The result files are adapter weights, not metrics.
        return replace(job, stamp=mapping.stamp_of(raw.get("suffix")), result_file_ids=())


def _name_of(spec: DeploymentSpec) -> str:
    return spec.stamp.replace("_", "-").lower()
