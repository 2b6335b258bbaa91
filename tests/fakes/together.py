"""Together's files and fine-tunes: presigned uploads, known contents, checks that take time, nanodollars.

Sources: the together SDK 3.1.1 against a recorder, docs.together.ai. Lists have no pages.
"""

import hashlib
import itertools
import time
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.fakes.hosting.together import CONFIG, PROJECT, TogetherEndpoints, checkpoints_of
from tests.fakes.server import Refused, Reply, Request, count_words, form_fields

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
USD = {"sft": Decimal("0.48"), "dpo": Decimal("1.35")}
STATUSES = ("pending", "queued", "running", "compressing", "uploading", "completed")
ENDED = ("completed", "cancelled", "error", "user_error")
NANO = 10**9


class TogetherFake(TogetherEndpoints):
    """The server; files and jobs move one state further with each look; `held` jobs stop at running."""

    public = ("/upload/",)
    more_settings = {
        "upload_allowed_networks": ["127.0.0.0/8"],
        "hosting_project": PROJECT,
        "hosting_machines": {"*": CONFIG},
    }

    def __init__(self) -> None:
        super().__init__()
        self.uploaded: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self._checksums: dict[str, str] = {}
        self._numbers = itertools.count(1)
        for method, path, handler in (
            ("POST", "/v1/files", self._announce),
            ("PUT", "/upload/{}", self._receive),
            ("POST", "/v1/files/{}/preprocess", self._preprocess),
            ("GET", "/v1/files", lambda _: {"object": "list", "data": list(self.uploaded.values())}),
            ("GET", "/v1/files/{}/content", lambda request: Reply(self.contents[request.ids[0]])),
            ("GET", "/v1/files/{}", self._file),
            ("DELETE", "/v1/files/{}", self._delete_file),
            ("GET", "/v1/fine-tunes/models/limits", self._limits),
            ("POST", "/v1/fine-tunes/estimate-price", self._estimate),
            ("POST", "/v1/fine-tunes", self._create),
            ("GET", "/v1/fine-tunes", lambda _: {"data": [self._shown(job) for job in self.jobs.values()]}),
            ("POST", "/v1/fine-tunes/{}/cancel", self._cancel),
            ("GET", "/v1/fine-tunes/{}/events", lambda request: {"data": self._job(request)["events"]}),
            ("GET", "/v1/fine-tunes/{}/checkpoints", self._checkpoints),
            ("GET", "/v1/fine-tunes/{}", self._retrieve),
            ("DELETE", "/v1/fine-tunes/{}", self._delete_job),
        ):
            self.route(method, path, handler)

    @property
    def base_url(self) -> str:
        """What a client's settings name."""
        return f"{self.root}/v1"

    def bill_usd(self, job_id: str) -> Decimal:
        """What the vendor charges for a job."""
        return Decimal(self.jobs[job_id]["total_price"] or 0) / NANO

    def made_for(self, stamp: str) -> list[str]:
        """The jobs that carry our job's id."""
        return [job["id"] for job in self.jobs.values() if job["suffix"] == stamp]

    def training_files(self) -> list[str]:
        """The files that were announced."""
        return list(self.uploaded)

    def refusal(self, refused: Refused) -> Any:
        """OpenAI's envelope, more or less."""
        return {"error": {"message": refused.message, "type": "invalid_request_error", "code": refused.code}}

    def _announce(self, request: Request) -> Any:
        fields = {name: content.decode() for name, (_, content) in form_fields(request).items()}
        if {"purpose", "file_name", "file_type"} - set(fields):
            raise Refused(400, "purpose, file_name and file_type are required")
        known = self._checksums.get(fields.get("checksum", ""))
        if known is not None:
            return Reply({"file_id": known}, 409)
        file_id = f"file-{uuid.uuid4()}"
        self.uploaded[file_id] = {
            "id": file_id,
            "object": "file",
            "bytes": 0,
            "created_at": int(time.time()),
            "filename": fields["file_name"],
            "FileType": fields["file_type"],
            "purpose": fields["purpose"],
            "Processed": False,
            "LineCount": 0,
            "processing_status": "PENDING",
            "validation_report": None,
        }
        place = {"Location": f"{self.root}/upload/{file_id}", "X-Together-File-Id": file_id}
        return Reply(b"", 302, place)

    def _receive(self, request: Request) -> Any:
        if "authorization" in request.headers:
            raise Refused(400, "Only one auth mechanism allowed")  # as S3 answers a key beside a signature
        file_id = request.ids[0]
        self.contents[file_id] = request.body
        self._checksums[hashlib.sha256(request.body).hexdigest()] = file_id
        self.uploaded[file_id]["bytes"] = len(request.body)
        return Reply(b"")

    def _preprocess(self, request: Request) -> Any:
        file = self._uploaded(request)
        if file["processing_status"] == "PENDING":
            file["processing_status"] = "QUEUED"
        return file

    def _file(self, request: Request) -> Any:
        file = self._uploaded(request)
        steps = ("QUEUED", "RUNNING", "COMPLETED")
        if file["processing_status"] in steps[:-1]:
            file["processing_status"] = steps[steps.index(file["processing_status"]) + 1]
            if file["processing_status"] == "COMPLETED":
                self._validate(file)
        return file

    def _validate(self, file: dict[str, Any]) -> None:
        try:
            lines, _ = count_words(self.contents[file["id"]])
        except ValueError:
            file["processing_status"] = "INVALID_FORMAT"
            file["validation_report"] = {"valid": False, "error": "Line 1 is not valid JSON"}
            return
        file["Processed"], file["LineCount"] = True, lines
        file["validation_report"] = {"valid": True, "dataset_format": "conversation", "nlines": lines}

    def _delete_file(self, request: Request) -> Any:
        self._uploaded(request)
        content = self.contents.pop(request.ids[0], b"")
        self._checksums.pop(hashlib.sha256(content).hexdigest(), None)
        del self.uploaded[request.ids[0]]
        return {"id": request.ids[0], "deleted": True}

    def _limits(self, request: Request) -> Any:
        if request.query.get("model_name") != BASE:
            raise Refused(404, "Model is not available for fine-tuning", "model_not_found")
        return {
            "max_num_epochs": 20,
            "max_num_evals": 100,
            "max_num_checkpoints": 20,
            "min_learning_rate": 1e-08,
            "max_learning_rate": 0.01,
            "max_seq_length_sft": 8192,
            "max_seq_length_dpo": 8192,
            "supports_tools": True,
            "supports_vision": False,
            "supports_reasoning": False,
            "supports_full_training": False,
            "merge_output_lora": False,
            "model_name": BASE,
            "lora_training": {
                "default_rank": 8,
                "max_rank": 64,
                "min_batch_size": 8,
                "max_batch_size": 128,
                "max_batch_size_dpo": 64,
                "target_modules": ["q_proj", "v_proj"],
            },
        }

    def _estimate(self, request: Request) -> Any:
        body = request.json
        file = self.uploaded.get(body.get("training_file", ""))
        if file is None or file["processing_status"] != "COMPLETED":
            return {"estimation_available": False, "unavailable_reason": "train_file_not_validated"}
        tokens = count_words(self.contents[file["id"]])[1] * body.get("n_epochs", 1)
        method = (body.get("training_method") or {}).get("method", "sft")
        return {
            "estimation_available": True,
            "estimated_total_price": float(tokens * USD[method] / 1_000_000),
            "allowed_to_proceed": True,
            "user_limit": 100.0,
            "estimated_train_token_count": tokens,
            "estimated_eval_token_count": 0,
        }

    def _create(self, request: Request) -> Any:
        body = request.json
        file = self.uploaded.get(body.get("training_file", ""))
        if file is None or file["processing_status"] != "COMPLETED":
            raise Refused(400, "The training file is not validated yet", "train_file_not_validated")
        if len(body.get("suffix") or "") > 40:
            raise Refused(400, "suffix must have at most 40 characters")
        parent = self.jobs.get(str(body.get("from_checkpoint", "")).partition(":")[0])
        if parent is None and body.get("model") != BASE:
            raise Refused(400, f"Model {body.get('model')} is not available for fine-tuning")
        job_id = f"ft-{uuid.uuid4()}"
        self.jobs[job_id] = {
            **{name: body.get(name) for name in ("suffix", "n_epochs", "batch_size", "learning_rate")},
            "id": job_id,
            "status": STATUSES[0],
            "created_at": _now(),
            "updated_at": _now(),
            "model": parent["model"] if parent else body["model"],
            "model_output_name": f"acct/{body.get('suffix')}-{next(self._numbers)}",
            "model_object_id": f"ml_{job_id.removeprefix('ft-')}",
            "training_file": file["id"],
            "training_method": body["training_method"],
            "training_type": body.get("training_type"),
            "validation_file": body.get("validation_file", ""),
            "token_count": None,
            "total_price": None,
            "events": [],
        }
        self._log(self.jobs[job_id], "job_pending", "Fine tune request created")
        return self._shown(self.jobs[job_id])

    def _retrieve(self, request: Request) -> Any:
        job = self._job(request)
        if job["status"] in STATUSES[:-1] and not (self.held and job["status"] == "running"):
            job["status"] = STATUSES[STATUSES.index(job["status"]) + 1]
            job["updated_at"] = _now()
            self._moved(job)
        return self._shown(job)

    def _moved(self, job: dict[str, Any]) -> None:
        if job["status"] == "queued":
            job["token_count"] = count_words(self.contents[job["training_file"]])[1]
        if job["status"] == "running":
            self._log(job, "job_restarted", "Job restarted on another node")
            self._log(job, "training_start", "Training started", step=0, total_steps=10 * job["n_epochs"])
            self._log(job, "training_progress", "Step 7", step=7, total_steps=10 * job["n_epochs"])
        if job["status"] == "compressing":
            for epoch in range(1, job["n_epochs"] + 1):
                self._log(job, "checkpoint_save", "Checkpoint saved", 10 * epoch, 10 * job["n_epochs"])
        if job["status"] == "completed":
            self._charge(job, 10 * job["n_epochs"])
            self._log(job, "job_complete", f"Job {job['id']} finished, model {job['model_output_name']}")

    def _charge(self, job: dict[str, Any], steps: int) -> None:
        """Bill the steps that were done."""
        method = job["training_method"]["method"]
        tokens = (job["token_count"] or 0) * job["n_epochs"] * steps // (10 * job["n_epochs"])
        job["total_price"] = int(tokens * USD[method] * NANO / 1_000_000)

    def _cancel(self, request: Request) -> Any:
        job = self._job(request)
        if job["status"] in ENDED:
            raise Refused(400, f"Job {job['id']} has already ended")
        job["status"] = "cancelled"
        self._charge(job, max(event["step"] for event in job["events"]))
        self._log(job, "cancel_requested", "Cancellation requested")
        return self._shown(job)

    def _checkpoints(self, request: Request) -> Any:
        return {"data": checkpoints_of(self._job(request))}

    def _delete_job(self, request: Request) -> Any:
        self._job(request)["is_deleted"] = True
        return {"message": "deleted"}

    def _log(
        self, job: dict[str, Any], type_: str, message: str, step: int = 0, total_steps: int = 0
    ) -> None:
        event = {"object": "fine-tune-event", "created_at": _now(), "level": "info", "type": type_}
        job["events"].append(event | {"message": message, "step": step, "total_steps": total_steps})

    def _shown(self, job: dict[str, Any]) -> dict[str, Any]:
        return dict(job)

    def _job(self, request: Request) -> dict[str, Any]:
        if request.ids[0] not in self.jobs or self.jobs[request.ids[0]].get("is_deleted"):
            raise Refused(404, f"Fine-tune {request.ids[0]} not found", "not_found")
        return self.jobs[request.ids[0]]

    def _uploaded(self, request: Request) -> dict[str, Any]:
        if request.ids[0] not in self.uploaded:
            raise Refused(404, f"File {request.ids[0]} not found", "not_found")
        return self.uploaded[request.ids[0]]


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
