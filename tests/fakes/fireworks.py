"""Fireworks' datasets and supervised jobs: ids given by the client, int64 as texts, addresses that die.

Sources: the fireworks-ai SDK 1.2.30 against a recorder. There is no log of events.
"""

import json
import time
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.fakes.hosting.fireworks import ACCOUNT, BASE, SHAPE, FireworksMachines
from tests.fakes.server import Refused, Reply, Request, count_words, form_fields

USD = Decimal("0.50")
STATES = ("CREATING", "VALIDATING", "PENDING", "RUNNING", "WRITING_RESULTS", "COMPLETED")
GRPC = {400: 3, 401: 16, 404: 5, 409: 6, 429: 8, 500: 13}


class FireworksFake(FireworksMachines):
    """The server; datasets and jobs move one state further with each look; `held` jobs stop at running."""

    public = ("/signed/",)

    def __init__(self) -> None:
        super().__init__()
        self.more_settings = {
            "inference_base_url": f"{self.root}/inference/v1",
            "upload_allowed_networks": ["127.0.0.0/8"],
            "hosting_machines": {"*": SHAPE},
        }
        self.datasets: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.signed: dict[str, str] = {}
        self._pages: dict[str, tuple[str, int]] = {}
        account = f"/v1/{ACCOUNT}"
        for method, path, handler in (
            ("POST", f"{account}/datasets", self._create_dataset),
            ("GET", f"{account}/datasets", lambda request: self.page(request, "datasets", self.datasets)),
            ("POST", f"{account}/datasets/{{}}:upload", self._upload),
            ("POST", f"{account}/datasets/{{}}:getUploadEndpoint", self._sign),
            ("PUT", "/signed/{}", self._receive),
            ("POST", f"{account}/datasets/{{}}:validateUpload", lambda _: {}),
            ("GET", f"{account}/datasets/{{}}", self._dataset),
            ("DELETE", f"{account}/datasets/{{}}", self._delete_dataset),
            ("POST", f"{account}/supervisedFineTuningJobs", self._create),
            ("GET", f"{account}/supervisedFineTuningJobs", self._list_jobs),
            ("POST", f"{account}/supervisedFineTuningJobs/{{}}:cancel", self._cancel),
            ("POST", f"{account}/supervisedFineTuningJobs/{{}}:resume", self._resume),
            ("GET", f"{account}/supervisedFineTuningJobs/{{}}", self._retrieve),
            ("GET", f"{account}/models", lambda request: self.page(request, "models", self.models)),
            ("DELETE", f"{account}/models/{{}}", self._delete_model),
        ):
            self.route(method, path, handler)

    @property
    def base_url(self) -> str:
        """What a client's settings name."""
        return f"{self.root}/v1/{ACCOUNT}"

    def bill_usd(self, job_id: str) -> Decimal:
        """What the vendor charges for a job."""
        job = self.jobs[job_id.rpartition("/")[2]]
        return int(job.get("jobProgress", {}).get("inputTokens", "0")) * USD / 1_000_000

    def made_for(self, stamp: str) -> list[str]:
        """The jobs that carry our job's id."""
        return [job["name"] for job in self.jobs.values() if job["displayName"] == stamp]

    def training_files(self) -> list[str]:
        """The datasets."""
        return list(self.datasets)

    def suspend(self, job_id: str) -> None:
        """Pause a job, as a suspended account does."""
        self.jobs[job_id.rpartition("/")[2]]["state"] = "JOB_STATE_PAUSED"

    def refusal(self, refused: Refused) -> Any:
        """Google's envelope: the code is a number of gRPC."""
        return {"code": GRPC.get(refused.status, 2), "message": refused.message, "details": []}

    def _create_dataset(self, request: Request) -> Any:
        body = request.json
        dataset_id, described = body["datasetId"], body["dataset"]
        if dataset_id in self.datasets:
            raise Refused(409, f"dataset {dataset_id} already exists")
        if not isinstance(described.get("exampleCount"), str):
            raise Refused(400, "exampleCount must be an int64 as a string")
        self.datasets[dataset_id] = described | {
            "name": f"{ACCOUNT}/datasets/{dataset_id}",
            "createTime": _now(),
            "state": "UPLOADING",
            "createdBy": "someone@acme.example",
        }
        return self.datasets[dataset_id]

    def _upload(self, request: Request) -> Any:
        name, content = form_fields(request)["file"]
        self.contents[self.id_of(self.datasets, request)] = content
        return {
            "id": request.ids[0],
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "filename": name,
            "purpose": "fine-tune",
        }

    def _sign(self, request: Request) -> Any:
        dataset_id = self.id_of(self.datasets, request)
        for token in [token for token, place in self.signed.items() if place == dataset_id]:
            del self.signed[token]  # a second call replaces what the first registered
        urls = {}
        for filename in request.json["filenameToSize"]:
            token = uuid.uuid4().hex
            self.signed[token] = dataset_id
            urls[filename] = f"{self.root}/signed/{token}"
        return {"filenameToSignedUrls": urls}

    def _receive(self, request: Request) -> Any:
        if request.ids[0] not in self.signed:
            raise Refused(403, "Request has expired")
        self.contents[self.signed[request.ids[0]]] = request.body
        return Reply(b"")

    def _dataset(self, request: Request) -> Any:
        dataset_id = self.id_of(self.datasets, request)
        dataset, content = self.datasets[dataset_id], self.contents.get(dataset_id)
        if dataset["state"] == "UPLOADING" and content is not None:
            lines, tokens = count_words(content)
            dataset["state"], dataset["estimatedTokenCount"] = "READY", str(tokens)
            if str(lines) != dataset["exampleCount"]:
                dataset["state"] = "FAILED"
                dataset["status"] = {"code": "INVALID_ARGUMENT", "message": "exampleCount does not match"}
        return dataset

    def _delete_dataset(self, request: Request) -> Any:
        del self.datasets[self.id_of(self.datasets, request)]
        self.contents.pop(request.ids[0], None)
        return {}

    def _create(self, request: Request) -> Any:
        body = request.json
        job_id = request.query.get("supervisedFineTuningJobId") or uuid.uuid4().hex
        if job_id in self.jobs:
            raise Refused(409, f"job {job_id} already exists")
        dataset_id = str(body.get("dataset", "")).rpartition("/")[2]
        if self.datasets.get(dataset_id, {}).get("state") != "READY":
            raise Refused(400, "dataset is not READY")
        parent = str(body.get("warmStartFrom", "")).rpartition("/")[2]
        if body.get("baseModel") != BASE and parent not in self.models:
            raise Refused(400, "baseModel or warmStartFrom is not tunable")
        self.jobs[job_id] = body | {
            "name": f"{ACCOUNT}/supervisedFineTuningJobs/{job_id}",
            "createTime": _now(),
            "state": f"JOB_STATE_{STATES[0]}",
            "createdBy": "someone@acme.example",
            "jobProgress": {"percent": 0, "epoch": 0, "inputTokens": "0", "outputTokens": "0"},
            "status": {"code": "OK", "message": ""},
        }
        return self.jobs[job_id]

    def _retrieve(self, request: Request) -> Any:
        job = self.jobs[self.id_of(self.jobs, request)]
        state = job["state"].removeprefix("JOB_STATE_")
        if state in STATES[:-1] and not (self.held and state == "RUNNING"):
            job["state"] = f"JOB_STATE_{STATES[STATES.index(state) + 1]}"
            if job["state"] == "JOB_STATE_COMPLETED":
                self._finish(job)
        return job

    def _finish(self, job: dict[str, Any]) -> None:
        tokens = count_words(self.contents[job["dataset"].rpartition("/")[2]])[1] * job.get("epochs", 1)
        progress = {"percent": 100, "epoch": job.get("epochs", 1), "inputTokens": str(tokens)}
        job["jobProgress"] = progress | {"outputTokens": "0"}
        job["estimatedCost"] = {"currencyCode": "USD", "units": "0", "nanos": int(tokens * 500)}
        job["completedTime"] = _now()
        self.models[job["outputModel"].rpartition("/")[2]] = {"name": job["outputModel"], "state": "READY"}

    def _cancel(self, request: Request) -> Any:
        job = self.jobs[self.id_of(self.jobs, request)]
        if job["state"] in ("JOB_STATE_COMPLETED", "JOB_STATE_CANCELLED", "JOB_STATE_FAILED"):
            raise Refused(400, "job has already ended")
        job["state"] = "JOB_STATE_CANCELLED"
        return {}

    def _resume(self, request: Request) -> Any:
        job = self.jobs[self.id_of(self.jobs, request)]
        if job["state"] != "JOB_STATE_PAUSED":
            raise Refused(400, "job is not paused")
        job["state"] = "JOB_STATE_PENDING"
        return {}

    def _list_jobs(self, request: Request) -> Any:
        return self.page(request, "supervisedFineTuningJobs", self.jobs)

    def _delete_model(self, request: Request) -> Any:
        if any(one["model"].endswith(f"/{request.ids[0]}") for one in self.loaded.values()):
            raise Refused(400, "model is deployed")
        del self.models[self.id_of(self.models, request)]
        return {}

    def page(self, request: Request, collection: str, there: dict[str, dict[str, Any]]) -> Any:
        asked = json.dumps([collection, request.query.get("filter")])
        bound, start = self._pages.get(request.query.get("pageToken", ""), (asked, 0))
        if bound != asked:
            raise Refused(400, "pageToken belongs to another filter")
        size = min(int(request.query.get("pageSize", 50)), 200)
        page = list(there.values())[start : start + size]
        token = ""
        if start + size < len(there):
            token = uuid.uuid4().hex
            self._pages[token] = (asked, start + size)
        return {collection: page, "nextPageToken": token, "totalSize": len(there)}

    def id_of(self, there: dict[str, dict[str, Any]], request: Request) -> str:
        if request.ids[0] not in there:
            raise Refused(404, f"{request.path.removeprefix('/v1/')} not found")
        return request.ids[0]


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
