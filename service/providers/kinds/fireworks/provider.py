"""Fireworks' fine-tuning API, as its SDK 1.2 sends it: Google's style of named resources, int64 as texts.

We choose the ids of datasets, jobs and models, so a repeated create can only be "already exists". A job's
id is a hash of our job's, which `displayName` shows.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

from service.providers.bounds import PAGE
from service.providers.errors import Gone, OutcomeUnknown, Rejected
from service.providers.failures import translated
from service.providers.kinds.capabilities import translate
from service.providers.kinds.fireworks import reading
from service.providers.kinds.fireworks.hosting import FireworksHosting
from service.providers.kinds.rest_provider import measure, moment_of
from service.providers.port import (
    FileState,
    ProviderCheckpoint,
    ProviderEvent,
    ProviderFile,
    ProviderJob,
    ProviderJobSpec,
    ProviderModel,
)
from service.settings import ProviderSettings

_DIRECT_UPLOAD_BYTES = 150 * 10**6
_PAGE_SIZE = "200"
_MOST_PAGES = 100
_ALREADY_EXISTS = 409


class FireworksProvider(FireworksHosting):
    """Fireworks; the port documents the methods. Files and models are known by their full names."""

    def __init__(self, settings: ProviderSettings) -> None:
        root, _, account = settings.base_url.rstrip("/").rpartition("/accounts/")
        super().__init__(settings, root)
        self._account = f"accounts/{account}"

    def upload_file(self, filename: str, content: BinaryIO) -> str:
        size_bytes, lines = measure(content)
        dataset_id = filename.removesuffix(".jsonl")
        name = f"{self._account}/datasets/{dataset_id}"
        described = {
            "displayName": filename,
            "userUploaded": {},
            "format": "CHAT",
            "exampleCount": str(lines),
        }
        try:
            self._rest.post(f"/{self._account}/datasets", {"dataset": described, "datasetId": dataset_id})
        except Rejected as refusal:
            if refusal.status != _ALREADY_EXISTS:
                raise
            if self.file_state(name).is_ready:  # an earlier attempt has uploaded it
                return name
        if size_bytes <= _DIRECT_UPLOAD_BYTES:
            part = (filename, content, "application/jsonl")
            self._rest.post(f"/{name}:upload", repeatable=True, sent_bytes=size_bytes, files={"file": part})
        else:
            self._upload_signed(name, filename, content, size_bytes)
        return name

    def find_file(self, filename: str, since: datetime | None = None) -> str | None:
        name = f"{self._account}/datasets/{filename.removesuffix('.jsonl')}"
        try:
            return name if self.file_state(name).is_ready else None
        except Gone:
            return None

    def iter_files(self, since: datetime | None = None) -> Iterator[ProviderFile]:
        for raw in self._items("datasets"):
            created = moment_of(raw.get("createTime"))
            if created is not None:
                with translated(self._clean, repeatable=True):
                    name = reading.name_of(raw)
                yield ProviderFile(name, str(raw.get("displayName"))[:255], created)

    def file_state(self, file_id: str) -> FileState:
        raw = self._rest.get(f"/{file_id}")
        state = raw.get("state")
        if isinstance(state, str) and state.startswith("FAILED"):
            problem = reading.status_message(raw, self._clean) or f"its check ended as {state}"
            return FileState(is_ready=False, problem=problem)
        return FileState(is_ready=state == "READY")

    def delete_file(self, file_id: str) -> None:
        self._delete(f"/{file_id}")

    def create_job(self, spec: ProviderJobSpec) -> ProviderJob:
        job_id = job_id_of(spec.stamp)
        hyperparameters = translate("fireworks", spec.method[spec.method["type"]].get("hyperparameters", {}))
        is_own = spec.model.startswith(f"{self._account}/")
        body = {
            "displayName": spec.stamp,
            "dataset": spec.training_file_id,
            "warmStartFrom" if is_own else "baseModel": spec.model,
            "outputModel": f"{self._account}/models/{job_id}",
            **({"evaluationDataset": spec.validation_file_id} if spec.validation_file_id else {}),
            **hyperparameters,
        }
        path = f"/{self._account}/supervisedFineTuningJobs"
        try:
            answer = self._rest.post(path, body, params={"supervisedFineTuningJobId": job_id})
        except Rejected as refusal:
            found = self.find_job(spec.stamp) if refusal.status == _ALREADY_EXISTS else None
            if found is None:
                raise
            return found
        with translated(self._clean, repeatable=False):
            return reading.job_of(answer, self._clean)

    def find_job(self, stamp: str, since: datetime | None = None) -> ProviderJob | None:
        try:
            found = self.get_job(f"{self._account}/supervisedFineTuningJobs/{job_id_of(stamp)}")
        except Gone:
            return None
        return found if found.stamp == stamp else None

    def iter_jobs(self, since: datetime | None = None) -> Iterator[ProviderJob]:
        for raw in self._items("supervisedFineTuningJobs"):
            with translated(self._clean, repeatable=True):
                job = reading.job_of(raw, self._clean)
            yield job

    def get_job(self, job_id: str) -> ProviderJob:
        with translated(self._clean, repeatable=True):
            return reading.job_of(self._rest.get(f"/{job_id}"), self._clean, job_id)

    def cancel_job(self, job_id: str) -> ProviderJob:
        self._rest.post(f"/{job_id}:cancel", {})
        return self.get_job(job_id)

    def resume_job(self, job_id: str) -> ProviderJob:
        self._rest.post(f"/{job_id}:resume", {})
        return self.get_job(job_id)

    def iter_event_pages(self, job_id: str, known: frozenset[str]) -> Iterator[list[ProviderEvent]]:
        """Fireworks keeps no log: each state and epoch that is seen becomes an event."""
        event = reading.event_of(self._rest.get(f"/{job_id}"), self._clean)
        if event.id not in known:
            yield [event]

    def list_checkpoints(self, job_id: str) -> list[ProviderCheckpoint]:
        return []

    def list_models(self) -> list[ProviderModel]:
        listed = self._rest.get(f"/{self._account}/models", {"pageSize": "1"}, answer=PAGE)
        with translated(self._clean, repeatable=True):
            return [ProviderModel(reading.name_of(raw)) for raw in reading.items_of(listed, "models")]

    def delete_model(self, model: str) -> None:
        self._delete(f"/{model}")

    def _upload_signed(self, name: str, filename: str, content: BinaryIO, size_bytes: int) -> None:
        asked = {"filenameToSize": {filename: str(size_bytes)}}
        answer = self._rest.post(f"/{name}:getUploadEndpoint", asked, repeatable=True)
        with translated(self._clean, repeatable=True):
            url = reading.signed_url_of(answer, filename)
        self._rest.put_content(url, content, size_bytes)
        self._rest.post(f"/{name}:validateUpload", {}, repeatable=True)

    def _items(self, collection: str) -> Iterator[dict[str, Any]]:
        params = {"pageSize": _PAGE_SIZE}
        for _ in range(_MOST_PAGES):
            answer = self._rest.get(f"/{self._account}/{collection}", params, answer=PAGE)
            with translated(self._clean, repeatable=True):
                yield from reading.items_of(answer, collection)
            token = answer.get("nextPageToken")
            if not isinstance(token, str) or not token:
                return
            params = params | {"pageToken": token}
        raise OutcomeUnknown("The provider's list is too long to look through.")


def job_id_of(stamp: str) -> str:
    """The id that we choose for the provider job of a job of ours; ids have only small letters."""
    return f"tunehouse-{hashlib.sha256(stamp.encode()).hexdigest()[:40]}"
