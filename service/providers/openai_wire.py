"""The port on OpenAI's wire, by the `openai` SDK; serves OpenAI itself and our trainer.

The SDK carries requests; answers are read as plain JSON (`answers`), because its models leave out
attributes that an upstream did not send and pass non-JSON answers on as text.
"""

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, BinaryIO, ClassVar, TypeVar

import httpx2
import structlog
from openai import omit

from service.providers import costs, mapping, signing
from service.providers.answers import Garbage, read_items, read_object
from service.providers.bounds import OBJECT, Bound
from service.providers.bounds import PAGE as PAGE_BOUND
from service.providers.calls import seconds_to_send, within
from service.providers.client import make_client
from service.providers.errors import Gone, KeyRefused, Rejected
from service.providers.failures import translated
from service.providers.hosting import NoHosting
from service.providers.kinds.capabilities import capabilities_of
from service.providers.large_files import send_in_parts, size_of
from service.providers.paging import PAGE, TooLong, Walker
from service.providers.port import (
    FileState,
    LineCounts,
    ProviderCheckpoint,
    ProviderEvent,
    ProviderFile,
    ProviderJob,
    ProviderJobSpec,
    ProviderModel,
    WebhookHint,
)
from service.providers.results import RESULT, ResultTooLarge, decode_result, read_bounded
from service.providers.scrub import make_clean
from service.settings import ProviderSettings

log = structlog.get_logger(__name__)

Found = TypeVar("Found")

_FILES_PAGE = 1000
_NEWS_PAGE = 20  # of a log that is known but for its end; most polls find nothing new
_MOST_CHECKPOINTS = 1000  # of a job; OpenAI keeps three


class OpenAIWire(NoHosting):
    """One upstream that speaks OpenAI's wire; the port documents the methods."""

    status_names: ClassVar[Mapping[str, str]] = {}

    def __init__(self, settings: ProviderSettings) -> None:
        self.name = settings.name
        self.kind: str = settings.kind
        self.capabilities = capabilities_of(settings.kind)
        self.settings = settings
        key = settings.api_key.get_secret_value()
        secret = settings.webhook_secret
        self._webhook_secret = secret.get_secret_value() if secret else None
        self._clean = make_clean((key, self._webhook_secret or ""), settings.base_url)
        self._client = make_client(settings, key)
        self._walker = Walker(self._clean, settings.timeout_s)
        # Closed with its last user: settings can replace a provider while a thread is still in a call on it.
        self._closing = weakref.finalize(self, self._client.close)
        self._jobs = self._client.fine_tuning.jobs.with_raw_response
        self._files = self._client.files.with_raw_response
        self._models = self._client.models.with_raw_response

    def close(self) -> None:
        """Close the connections; the provider cannot be used after this."""
        self._closing()

    def upload_file(self, filename: str, content: BinaryIO) -> str:
        whole = self._prepare_file(content)
        size_bytes = size_of(whole)
        with within(seconds_to_send(self.settings.timeout_s, size_bytes)):
            if size_bytes > self.settings.parts_above_bytes:
                return send_in_parts(self._client, self._clean, filename, whole)
            # The SDK streams a tuple with an open handle; it would read a `Path` whole.
            part = (filename, whole, "application/octet-stream")
            with translated(self._clean, repeatable=False):
                answer = read_object(self._files.create(file=part, purpose="fine-tune").content)
                return mapping.file_id_of(answer)

    def find_file(self, filename: str, since: datetime | None = None) -> str | None:
        for raw in self._walker.items(self._fetch_files, since):
            if raw.get("filename") == filename and raw.get("status") not in ("error", "deleted"):
                with translated(self._clean, repeatable=True):
                    return mapping.file_id_of(raw)
        return None

    def iter_files(self, since: datetime | None = None) -> Iterator[ProviderFile]:
        for raw in self._walker.items(self._fetch_files, since):
            with translated(self._clean, repeatable=True):
                file = mapping.file_of(raw)
            yield file

    def delete_file(self, file_id: str) -> None:
        self._delete(lambda: self._files.delete(file_id))

    def file_state(self, file_id: str) -> FileState:
        return FileState(is_ready=True)  # OpenAI's own checks are part of the job

    def read_file(self, file_id: str) -> bytes:
        streaming = self._client.files.with_streaming_response
        try:
            with self._calling(repeatable=True, answer=RESULT), streaming.content(file_id) as answer:
                return decode_result(read_bounded(answer.iter_bytes()))
        except ResultTooLarge:
            raise Rejected("The result file is larger than 4 MB.", code="result_too_large") from None

    def create_job(self, spec: ProviderJobSpec) -> ProviderJob:
        body, more = self._body(spec), self._extra_body(spec)
        with self._calling(repeatable=False):
            answer = self._jobs.create(**body, extra_headers=self._create_headers(spec), extra_body=more)
            created = self._job_in(answer.content)
            if created.stamp not in (None, spec.stamp):
                raise Garbage("The provider answered the create with a job that carries another stamp.")
        return created

    def find_job(self, stamp: str, since: datetime | None = None) -> ProviderJob | None:
        filtering = {self.capabilities.stamp_key: stamp} if self.capabilities.stamp == "metadata" else None
        try:
            stamped = [job for job in self._iter_jobs(since, filtering) if job.stamp == stamp]
        except Rejected:
            # An upstream that refuses the filter can still be read through.
            stamped = [job for job in self._iter_jobs(since, None) if job.stamp == stamp]
        return min(stamped, key=lambda job: job.created_at, default=None)

    def iter_jobs(self, since: datetime | None = None) -> Iterator[ProviderJob]:
        return self._iter_jobs(since, None)

    def get_job(self, job_id: str) -> ProviderJob:
        return self._job(lambda: self._jobs.retrieve(job_id), job_id, repeatable=True)

    def cancel_job(self, job_id: str) -> ProviderJob:
        return self._job(lambda: self._jobs.cancel(job_id), job_id, repeatable=False)

    def pause_job(self, job_id: str) -> ProviderJob:
        return self._job(lambda: self._jobs.pause(job_id), job_id, repeatable=False)

    def resume_job(self, job_id: str) -> ProviderJob:
        return self._job(lambda: self._jobs.resume(job_id), job_id, repeatable=False)

    def iter_event_pages(self, job_id: str, known: frozenset[str]) -> Iterator[list[ProviderEvent]]:
        def fetch(after: str | None) -> dict[str, Any]:
            limit = _NEWS_PAGE if known and after is None else PAGE
            listed = self._jobs.list_events(job_id, limit=limit, after=after or omit)
            return read_object(listed.content, PAGE_BOUND)

        for page in self._walker.oldest_first(fetch, known):
            yield _readable(lambda raw: mapping.event_of(raw, self._clean), page)

    def list_checkpoints(self, job_id: str) -> list[ProviderCheckpoint]:
        found: list[ProviderCheckpoint] = []
        try:
            for page in self._walker.pages(lambda after: self._fetch_checkpoints(job_id, after)):
                found += _readable(mapping.checkpoint_of, page)
                if len(found) >= _MOST_CHECKPOINTS:
                    raise TooLong
        except TooLong:
            log.warning("checkpoints_left_out", provider=self.name, read=len(found))
        return sorted(found, key=lambda checkpoint: (checkpoint.step, checkpoint.created_at))

    def list_models(self) -> list[ProviderModel]:
        with self._calling(repeatable=True, answer=PAGE_BOUND):
            listed = read_items(read_object(self._models.list().content, PAGE_BOUND))
            return [mapping.model_of(raw) for raw in listed]

    def count_tokens(self, model: str, examples: Sequence[Mapping[str, Any]]) -> LineCounts | None:
        if not self.capabilities.counts_tokens:
            return None
        body = {"model": model, "examples": examples}
        with self._calling(repeatable=True):
            answer = self._client.post("/fine_tuning/token_counts", body=body, cast_to=httpx2.Response)
            return mapping.counts_of(read_object(answer.content), len(examples), self._clean)

    def delete_model(self, model: str) -> None:
        self._delete(lambda: self._models.delete(model))

    def costs_usd(self, start: datetime, end: datetime) -> Decimal | None:
        if not self.capabilities.reports_costs:
            return None
        try:
            with within(self.settings.timeout_s, PAGE_BOUND):
                return costs.read_costs(self._client, self._clean, start, end)
        except (KeyRefused, Rejected):
            return None

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookHint:
        return signing.verify(self._client, self._webhook_secret, body, headers)

    @contextmanager
    def _calling(self, *, repeatable: bool, answer: Bound = OBJECT) -> Iterator[None]:
        """One call: over after `timeout_s`, however slowly it is answered."""
        with translated(self._clean, repeatable=repeatable), within(self.settings.timeout_s, answer):
            yield

    def _prepare_file(self, content: BinaryIO) -> Any:
        return content

    def _fit_suffix(self, suffix: str | None) -> str | None:
        return suffix

    def _body(self, spec: ProviderJobSpec) -> dict[str, Any]:
        """The fields of a create that the SDK knows."""
        return {
            "model": spec.model,
            "training_file": spec.training_file_id,
            "method": dict(spec.method),
            "metadata": {self.capabilities.stamp_key: spec.stamp},
            "validation_file": spec.validation_file_id or omit,
            "suffix": self._fit_suffix(spec.suffix) or omit,
            "seed": omit if spec.seed is None else spec.seed,
            "integrations": [dict(item) for item in spec.integrations] or omit,
        }

    def _extra_body(self, spec: ProviderJobSpec) -> dict[str, Any] | None:
        """The fields of a create that the SDK does not know."""
        return None

    def _create_headers(self, spec: ProviderJobSpec) -> dict[str, str]:
        """OpenAI keeps this header in its own logs, where its support finds the request by it."""
        return {"X-Client-Request-Id": spec.stamp}

    def _read_job(self, raw: Mapping[str, Any], asked: str | None = None) -> ProviderJob:
        return mapping.job_of(raw, self._clean, self.status_names, asked, self.capabilities.stamp_key)

    def _fetch_files(self, after: str | None) -> dict[str, Any]:
        listed = self._files.list(purpose="fine-tune", limit=_FILES_PAGE, order="desc", after=after or omit)
        return read_object(listed.content, PAGE_BOUND)

    def _fetch_checkpoints(self, job_id: str, after: str | None) -> dict[str, Any]:
        checkpoints = self._client.fine_tuning.jobs.checkpoints.with_raw_response
        return read_object(checkpoints.list(job_id, limit=PAGE, after=after or omit).content, PAGE_BOUND)

    def _job(self, call: Callable[[], Any], asked: str, *, repeatable: bool) -> ProviderJob:
        with self._calling(repeatable=repeatable):
            return self._job_in(call().content, asked)

    def _job_in(self, content: bytes, asked: str | None = None) -> ProviderJob:
        return self._read_job(read_object(content), asked)

    def _delete(self, call: Callable[[], Any]) -> None:
        try:
            with self._calling(repeatable=True):
                call()
        except Gone:
            return

    def _iter_jobs(self, since: datetime | None, stamped: Mapping[str, str] | None) -> Iterator[ProviderJob]:
        def fetch(after: str | None) -> dict[str, Any]:
            filtering: Any = omit if stamped is None else dict(stamped)
            listed = self._jobs.list(limit=PAGE, after=after or omit, metadata=filtering)
            return read_object(listed.content, PAGE_BOUND)

        for raw in self._walker.items(fetch, since):
            with translated(self._clean, repeatable=True):
                job = self._read_job(raw)
            yield job


def _readable(read: Callable[[Mapping[str, Any]], Found], page: Sequence[Mapping[str, Any]]) -> list[Found]:
    """The items of a page that can be read: one bad line must not hide how the job stands."""
    found = []
    for raw in page:
        try:
            found.append(read(raw))
        except Garbage as garbage:
            log.warning("provider_item_unreadable", reason=str(garbage))
    return found
