"""Nebius Token Factory: OpenAI's wire with deviations (docs.tokenfactory.nebius.com, May 2026).

Its jobs have no metadata, so the suffix carries our stamp. A finished job names no model: its last checkpoint
is the model, known to us as `{job}:{checkpoint}`, which is also what a deployment takes as its source.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from openai import omit

from service.providers import mapping
from service.providers.errors import Rejected
from service.providers.kinds.capabilities import translate
from service.providers.openai_wire import OpenAIWire
from service.providers.port import ProviderCheckpoint, ProviderJob, ProviderJobSpec


class NebiusWire(OpenAIWire):
    """Nebius: stamps in suffixes, absolute learning rates, models that are checkpoints."""

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
