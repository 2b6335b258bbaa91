"""Together's fine-tuning API (`/v1/fine-tunes`), as its SDK 3.1 sends it.

It has neither metadata nor an idempotency header: the suffix carries our stamp. We know a tuned model by its
job, `ft-…`, and a checkpoint as `ft-…:STEP`, which is what tuning it further takes.
"""

import hashlib
import io
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

import httpx2

from service.providers.answers import read_items, read_object
from service.providers.bounds import PAGE
from service.providers.errors import Rejected
from service.providers.failures import translated
from service.providers.kinds.capabilities import translate
from service.providers.kinds.prefixed import WithPrefix
from service.providers.kinds.rest_provider import moment_of
from service.providers.kinds.together import reading
from service.providers.kinds.together.hosting import TogetherHosting
from service.providers.port import (
    FileState,
    ProviderCheckpoint,
    ProviderEvent,
    ProviderFile,
    ProviderJob,
    ProviderJobSpec,
    ProviderModel,
)

_USABLE = ("QUEUED", "RUNNING", "COMPLETED")
_REFUSED = ("FAILED", "INVALID_FORMAT")
_PROBE_MODEL = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"


class TogetherProvider(TogetherHosting):
    """Together; the port documents the methods."""

    def upload_file(self, filename: str, content: BinaryIO) -> str:
        # Together knows a content again and answers with the file that has it, from any upload. White
        # space before the first line makes each copy of ours a content of its own, and a repeat the same.
        whole = WithPrefix(content, _white_space(filename))
        size_bytes = whole.seek(0, io.SEEK_END)
        form = {
            "purpose": "fine-tune",
            "file_name": filename,
            "file_type": "jsonl",
            "checksum": _checksum(whole),
        }
        answer = self._rest.post_raw("/files", files={name: (None, text) for name, text in form.items()})
        file_id = self._announced(answer)
        if answer.status_code == httpx2.codes.FOUND:
            self._rest.put_content(answer.headers.get("location", ""), whole, size_bytes)
        self._rest.post(f"/files/{file_id}/preprocess", {}, repeatable=True)
        return file_id

    def find_file(self, filename: str, since: datetime | None = None) -> str | None:
        for raw in self._files():
            if raw.get("filename") == filename and raw.get("processing_status") in _USABLE:
                with translated(self._clean, repeatable=True):
                    return reading.id_of(raw)
        return None

    def iter_files(self, since: datetime | None = None) -> Iterator[ProviderFile]:
        for raw in self._files():
            created = moment_of(raw.get("created_at"))
            if created is not None:
                with translated(self._clean, repeatable=True):
                    file_id = reading.id_of(raw)
                yield ProviderFile(file_id, str(raw.get("filename"))[:255], created)

    def file_state(self, file_id: str) -> FileState:
        raw = self._rest.get(f"/files/{file_id}")
        status = raw.get("processing_status")
        if status not in _REFUSED:
            return FileState(is_ready=status == "COMPLETED")
        report = raw.get("validation_report")
        said = report.get("error") if isinstance(report, dict) else None
        return FileState(is_ready=False, problem=self._clean(str(said or f"its check ended as {status}")))

    def delete_file(self, file_id: str) -> None:
        self._delete(f"/files/{file_id}")

    def create_job(self, spec: ProviderJobSpec) -> ProviderJob:
        with translated(self._clean, repeatable=False):
            return self._job(self._rest.post("/fine-tunes", reading.body_of(spec, self._sent(spec))))

    def find_job(self, stamp: str, since: datetime | None = None) -> ProviderJob | None:
        found = [job for job in self.iter_jobs(since) if job.stamp == stamp]
        return min(found, key=lambda job: job.created_at, default=None)

    def iter_jobs(self, since: datetime | None = None) -> Iterator[ProviderJob]:
        with translated(self._clean, repeatable=True):
            listed = [self._job(raw) for raw in read_items(self._rest.get("/fine-tunes", answer=PAGE))]
        yield from sorted(listed, key=lambda job: job.created_at, reverse=True)

    def get_job(self, job_id: str) -> ProviderJob:
        with translated(self._clean, repeatable=True):
            return self._job(self._rest.get(f"/fine-tunes/{job_id}"), job_id)

    def cancel_job(self, job_id: str) -> ProviderJob:
        self._rest.post(f"/fine-tunes/{job_id}/cancel", {})
        return self.get_job(job_id)

    def iter_event_pages(self, job_id: str, known: frozenset[str]) -> Iterator[list[ProviderEvent]]:
        with translated(self._clean, repeatable=True):
            raw = read_items(self._rest.get(f"/fine-tunes/{job_id}/events", answer=PAGE))
            events = [reading.event_of(one, self._clean) for one in raw]
        fresh = [event for event in sorted(events, key=lambda one: one.created_at) if event.id not in known]
        if fresh:
            yield fresh

    def list_checkpoints(self, job_id: str) -> list[ProviderCheckpoint]:
        with translated(self._clean, repeatable=True):
            raw = read_items(self._rest.get(f"/fine-tunes/{job_id}/checkpoints", answer=PAGE))
            return reading.checkpoints_of(job_id, raw)

    def list_models(self) -> list[ProviderModel]:
        # The list of models is a bare array without dates; this answers the same question: does the key work?
        self._rest.get("/fine-tunes/models/limits", {"model_name": _PROBE_MODEL})
        return []

    def delete_model(self, model: str) -> None:
        if ":" not in model:  # a checkpoint goes with its job
            self._delete(f"/fine-tunes/{model}")

    def _files(self) -> list[dict[str, Any]]:
        with translated(self._clean, repeatable=True):
            return read_items(self._rest.get("/files", answer=PAGE))

    def _announced(self, answer: httpx2.Response) -> str:
        """The id of an upload's file: a new one, or the one that has this content already."""
        with translated(self._clean, repeatable=True):
            if answer.status_code == httpx2.codes.FOUND:
                return reading.id_of({"id": answer.headers.get("x-together-file-id")})
            if answer.status_code == httpx2.codes.CONFLICT:
                return reading.id_of({"id": read_object(answer.content).get("file_id")})
        self._rest.check(answer, repeatable=True)
        raise Rejected(
            "The provider neither took the file nor said where to send it.", code="malformed_answer"
        )

    def _sent(self, spec: ProviderJobSpec) -> dict[str, Any]:
        return translate("together", spec.method[spec.method["type"]].get("hyperparameters", {}))

    def _job(self, raw: Mapping[str, Any], asked: str | None = None) -> ProviderJob:
        return reading.job_of(raw, self._clean, asked)


def _white_space(filename: str) -> bytes:
    """Blanks and tabs that spell a hash of the file's name, of 64 bits."""
    digest = int.from_bytes(hashlib.sha256(filename.encode()).digest()[:8], "big")
    return bytes(b" \t"[digest >> bit & 1] for bit in range(64))


def _checksum(content: WithPrefix) -> str:
    digest = hashlib.sha256()
    content.seek(0)
    while chunk := content.read(2**20):
        digest.update(chunk)
    content.seek(0)
    return digest.hexdigest()
