"""Nebius Token Factory: OpenAI's fine-tuning wire, with what differs.

Refusals are FastAPI's (`detail`), `metadata` is dropped, the learning rate is absolute, a finished job names
no model (its checkpoints are the models), and models are served through `/v0/models`, where a new name is
unknown at first. Sources: docs.tokenfactory.nebius.com, nebius/token-factory-cookbook.
"""

import itertools
import time
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.fakes.chat import chat_reply
from tests.fakes.server import FakeServer, Refused, Reply, Request, count_words, form_fields

BASES = {
    "meta-llama/Llama-3.1-8B-Instruct": ("meta-llama/Meta-Llama-3.1-8B-Instruct", Decimal("0.40")),
    "meta-llama/Llama-3.3-70B-Instruct": ("meta-llama/Llama-3.3-70B-Instruct", Decimal("2.80")),
}
STATUSES = ("validating_files", "queued", "running", "succeeded")
RANGES = {"n_epochs": (1, 20), "batch_size": (1, 32), "lora_r": (8, 128)}


class NebiusFake(FakeServer):
    """The server; a job moves one status further with each look at it; `held` ones stop at running."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.checkpoints: dict[str, list[dict[str, Any]]] = {}
        self.served: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)
        for method, path, handler in (
            ("POST", "/v1/files", self._upload),
            ("GET", "/v1/files", lambda request: self._page(request, self.files)),
            ("GET", "/v1/files/{}/content", lambda request: Reply(self._content(request.ids[0]))),
            ("GET", "/v1/files/{}", lambda request: self._found(self.files, request)),
            ("DELETE", "/v1/files/{}", self._delete_file),
            ("POST", "/v1/fine_tuning/jobs", self._create),
            ("GET", "/v1/fine_tuning/jobs", lambda request: self._page(request, self.jobs)),
            ("GET", "/v1/fine_tuning/jobs/{}/events", self._events),
            ("GET", "/v1/fine_tuning/jobs/{}/checkpoints", self._list_checkpoints),
            ("POST", "/v1/fine_tuning/jobs/{}/cancel", self._cancel),
            ("GET", "/v1/fine_tuning/jobs/{}", self._retrieve),
            ("GET", "/v1/models", self._models),
            ("POST", "/v0/models", self._deploy),
            ("GET", "/v0/models/{*}", self._deployment),
            ("DELETE", "/v0/models/{*}", self._undeploy),
            ("POST", "/v1/chat/completions", self._chat),
        ):
            self.route(method, path, handler)

    @property
    def base_url(self) -> str:
        """What a client's settings name."""
        return f"{self.root}/v1"

    def bill_usd(self, job_id: str) -> Decimal:
        """What the vendor charges for a job."""
        job = self.jobs[job_id]
        return (job["trained_tokens"] or 0) * BASES[job["model"]][1] / 1_000_000

    def hosting_bill_usd(self) -> Decimal:
        """What the vendor charges for deployed adapters: nothing."""
        return Decimal(0)

    def age(self, time: timedelta) -> None:
        """Let the deployments have begun that much earlier; nobody pays for them."""

    def living_deployments(self) -> list[str]:
        """The adapters that are served."""
        return list(self.served)

    def training_files(self) -> list[str]:
        """The files that were uploaded."""
        return [one["id"] for one in self.files.values() if "/" not in one["filename"]]

    def made_for(self, stamp: str) -> list[str]:
        """The jobs that carry our job's id."""
        return [job["id"] for job in self.jobs.values() if job["suffix"] == stamp]

    def refusal(self, refused: Refused) -> Any:
        """FastAPI's envelope: a list for validation errors, text for others."""
        if refused.status == 422:
            return {
                "detail": [{"loc": ["body", refused.param], "msg": refused.message, "type": "value_error"}]
            }
        return {"detail": refused.message}

    def _upload(self, request: Request) -> Any:
        fields = form_fields(request)
        if "file" not in fields:
            raise Refused(422, "Field required", param="file")
        name, content = fields["file"]
        file_id = f"file-{uuid.uuid4()}"
        self.contents[file_id] = content
        self.files[file_id] = {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "filename": name,
            "purpose": "fine-tune",
            "status": None,
        }
        return self.files[file_id]

    def _content(self, file_id: str) -> bytes:
        if file_id not in self.contents:
            raise Refused(404, "File not found")
        return self.contents[file_id]

    def _delete_file(self, request: Request) -> Any:
        self._found(self.files, request)
        del self.files[request.ids[0]], self.contents[request.ids[0]]
        return {"id": request.ids[0], "object": "file", "deleted": True}

    def _create(self, request: Request) -> Any:
        body = request.json
        if body.get("model") not in BASES:
            raise Refused(422, f"Model {body.get('model')} is not available for fine-tuning", param="model")
        if body.get("training_file") not in self.contents:
            raise Refused(404, "Training file not found")
        given = body.get("hyperparameters") or {}
        for name, (lowest, highest) in RANGES.items():
            if name in given and not lowest <= given[name] <= highest:
                raise Refused(422, f"Input should be between {lowest} and {highest}", param=name)
        number = next(self._numbers)
        hyperparameters = {"n_epochs": 3, "batch_size": 8, "learning_rate": 1e-05, "lora": False} | given
        job_id = f"ftjob-{uuid.uuid4().hex}"
        self.jobs[job_id] = {
            "id": job_id,
            "object": "fine_tuning.job",
            "model": body["model"],
            "created_at": int(time.time()),
            "finished_at": None,
            "fine_tuned_model": None,
            "organization_id": "org-of-the-tests",
            "status": STATUSES[0],
            "training_file": body["training_file"],
            "validation_file": body.get("validation_file"),
            "result_files": [],
            "trained_tokens": None,
            "trained_steps": 0,
            "total_steps": hyperparameters["n_epochs"] * 2,
            "hyperparameters": hyperparameters,
            "suffix": body.get("suffix"),
            "seed": body.get("seed", number),
            "error": None,
            "integrations": [],
        }
        return self.jobs[job_id] | {"status": "running"}  # as the vendor's own notebook was answered

    def _retrieve(self, request: Request) -> Any:
        job = self._found(self.jobs, request)
        if job["status"] in STATUSES[:-1] and not (self.held and job["status"] == "running"):
            job["status"] = STATUSES[STATUSES.index(job["status"]) + 1]
            if job["status"] == "succeeded":
                self._finish(job)
        return job

    def _finish(self, job: dict[str, Any]) -> None:
        epochs = job["hyperparameters"]["n_epochs"]
        job["trained_tokens"] = count_words(self.contents[job["training_file"]])[1] * epochs
        job["trained_steps"], job["finished_at"] = job["total_steps"], int(time.time())
        self.checkpoints[job["id"]] = [self._checkpoint(job, epoch) for epoch in range(1, epochs + 1)]

    def _checkpoint(self, job: dict[str, Any], epoch: int) -> dict[str, Any]:
        found, result = f"ftckpt_{uuid.uuid4()}", f"file-{uuid.uuid4()}"
        self.contents[result] = b"adapter weights"
        self.files[result] = {
            "id": result,
            "object": "file",
            "bytes": 15,
            "created_at": int(time.time()),
            "filename": f"{found}/adapter_model.safetensors",
            "purpose": "fine-tune",
            "status": None,
        }
        return {
            "id": found,
            "object": "fine_tuning.job.checkpoint",
            "created_at": int(time.time()),
            "fine_tuned_model_checkpoint": f"{job['model']}:{found}",
            "fine_tuning_job_id": job["id"],
            "metrics": {"train_loss": 1 / epoch, "valid_loss": None, "step": epoch * 2},
            "step_number": epoch * 2,
            "result_files": [result],
        }

    def _cancel(self, request: Request) -> Any:
        job = self._found(self.jobs, request)
        if job["status"] in ("succeeded", "failed", "cancelled"):
            raise Refused(400, "Job has already finished")
        job["status"], job["finished_at"], job["trained_tokens"] = "cancelled", int(time.time()), 0
        return job

    def _events(self, request: Request) -> Any:
        job = self._found(self.jobs, request)
        said = ["Job is submitted", "Dataset 'training' processed successfully"]
        if job["status"] == "succeeded":
            said += ["Checkpoint created", "Training completed successfully"]
        events = {
            f"ftevent-{job['id'][-8:]}-{number}": {
                "id": f"ftevent-{job['id'][-8:]}-{number}",
                "object": "fine_tuning.job.event",
                "created_at": job["created_at"],
                "level": "info",
                "message": message,
            }
            for number, message in enumerate(said)
        }
        return self._page(request, events)

    def _list_checkpoints(self, request: Request) -> Any:
        job = self._found(self.jobs, request)
        return self._page(request, {one["id"]: one for one in self.checkpoints.get(job["id"], [])})

    def _models(self, request: Request) -> Any:
        ids = [served for served, _ in BASES.values()] + list(self.served)
        return {"object": "list", "data": [{"id": one, "object": "model", "created": 0} for one in ids]}

    def _deploy(self, request: Request) -> Any:
        body = request.json
        job_id, _, checkpoint = str(body.get("source", "")).partition(":")
        if checkpoint not in {one["id"] for one in self.checkpoints.get(job_id, [])}:
            raise Refused(422, "Source checkpoint not found", param="source")
        if body.get("base_model") not in {served for served, _ in BASES.values()}:
            raise Refused(422, "Base model does not support LoRA adapters", param="base_model")
        name = f"{body['base_model']}-LoRa:{body['name']}-{uuid.uuid4().hex[:4]}"
        self.served[name] = {
            "name": name,
            "base_model": body["base_model"],
            "source": body["source"],
            "created_at": int(time.time()),
            "status": "validating",
            "looks": 0,
        }
        return self.served[name]

    def _deployment(self, request: Request) -> Any:
        model = self.served.get(request.ids[0])
        if model is None or model["looks"] == 0:  # the first look comes too early
            if model is not None:
                model["looks"] = 1
            raise Refused(404, "Model not found")
        model["looks"] += 1
        if model["looks"] > 2 and not self.held:
            model["status"] = "active"
        return model

    def _undeploy(self, request: Request) -> Any:
        if self.served.pop(request.ids[0], None) is None:
            raise Refused(404, "Model not found")
        return {"name": request.ids[0], "status": "deleted"}

    def _chat(self, request: Request) -> Any:
        body = request.json
        model = self.served.get(body["model"])
        if body["model"] not in {one for one, _ in BASES.values()} and (
            model is None or model["status"] != "active"
        ):
            raise Refused(404, f"The model `{body['model']}` does not exist")
        return chat_reply(request)

    def _found(self, there: dict[str, dict[str, Any]], request: Request) -> dict[str, Any]:
        if request.ids[0] not in there:
            raise Refused(404, "Not found")
        return there[request.ids[0]]

    def _page(self, request: Request, there: dict[str, dict[str, Any]]) -> Any:
        newest = list(there.values())[::-1]
        after = request.query.get("after")
        if after in there:
            newest = newest[[one["id"] for one in newest].index(after) + 1 :]
        page = newest[: int(request.query.get("limit", 20))]
        return {"object": "list", "data": page, "has_more": len(page) < len(newest)}
