"""The port on OpenAI's wire, by the `openai` SDK; serves OpenAI itself and our trainer.

The SDK carries requests; answers are read as plain JSON (`answers`), because its models leave out
attributes that an upstream did not send and pass non-JSON answers on as text.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, BinaryIO, ClassVar

import httpx2
from openai import DefaultHttpxClient, OpenAI, omit

from service.core.clock import from_unix
from service.providers import costs, mapping, signing
from service.providers.answers import read_items, read_object
from service.providers.deadline import bound, within
from service.providers.errors import Gone, KeyRefused, OutcomeUnknown, Rejected
from service.providers.failures import translated
from service.providers.large_files import send_in_parts, size_of
from service.providers.paging import PAGE, TooLong, iter_pages
from service.providers.port import (
    STAMP_KEY,
    Endpoint,
    LineCounts,
    ProviderCheckpoint,
    ProviderEvent,
    ProviderFile,
    ProviderJob,
    ProviderJobSpec,
    ProviderModel,
    WebhookHint,
)
from service.providers.results import ResultTooLarge, decode_result, read_bounded
from service.providers.scrub import make_clean
from service.settings import ProviderSettings

_CONNECT_S = 10.0
_CLOCK_SKEW = timedelta(minutes=10)
_FILES_PAGE = 1000
_NEWS_PAGE = 20  # of a log that is known but for its end; most polls find nothing new at all


class OpenAIWire:
    """One upstream that speaks as OpenAI does."""

    status_names: ClassVar[Mapping[str, str]] = {}

    def __init__(self, settings: ProviderSettings) -> None:
        self.name = settings.name
        self.kind: str = settings.kind
        self.settings = settings
        self._key = settings.api_key.get_secret_value()
        secret = settings.webhook_secret
        self._webhook_secret = secret.get_secret_value() if secret else None
        self._clean = make_clean((self._key, self._webhook_secret or ""), settings.base_url)
        self._client = _make_client(settings, self._key)
        self._jobs = self._client.fine_tuning.jobs.with_raw_response
        self._checkpoints = self._client.fine_tuning.jobs.checkpoints.with_raw_response
        self._files = self._client.files.with_raw_response
        self._models = self._client.models.with_raw_response

    def close(self) -> None:
        """Close the connections; the provider cannot be used after this."""
        self._client.close()

    def upload_file(self, filename: str, content: BinaryIO) -> str:
        """See the port. A tuple with an open handle is streamed by the SDK, a `Path` would be read whole."""
        whole = self._prepare_file(content)
        if size_of(whole) > self.settings.parts_above_bytes:
            return send_in_parts(self._client, self._clean, filename, whole)
        part = (filename, whole, "application/octet-stream")
        with translated(self._clean, repeatable=False):
            answer = read_object(self._files.create(file=part, purpose="fine-tune").content)
            return mapping.file_id_of(answer)

    def find_file(self, filename: str, since: datetime | None = None) -> str | None:
        """See the port."""
        for raw in self._walk(self._fetch_files, since):
            if raw.get("filename") == filename and raw.get("status") not in ("error", "deleted"):
                with translated(self._clean, repeatable=True):
                    return mapping.file_id_of(raw)
        return None

    def iter_files(self, since: datetime | None = None) -> Iterator[ProviderFile]:
        """See the port."""
        for raw in self._walk(self._fetch_files, since):
            with translated(self._clean, repeatable=True):
                file = mapping.file_of(raw)
            yield file

    def delete_file(self, file_id: str) -> None:
        """See the port."""
        self._delete(lambda: self._files.delete(file_id))

    def read_file(self, file_id: str) -> bytes:
        """See the port. Raises `Rejected` with the code `result_too_large` beyond 64 MB."""
        streaming = self._client.files.with_streaming_response
        try:
            with self._calling(repeatable=True), streaming.content(file_id) as answer:
                return decode_result(read_bounded(answer.iter_bytes()))
        except ResultTooLarge:
            raise Rejected("The result file is larger than 64 MB.", code="result_too_large") from None

    def create_job(self, spec: ProviderJobSpec) -> ProviderJob:
        """See the port."""
        body: dict[str, Any] = {
            "model": spec.model,
            "training_file": spec.training_file_id,
            "method": dict(spec.method),
            "metadata": dict(spec.metadata),
            "validation_file": spec.validation_file_id or omit,
            "suffix": self._fit_suffix(spec.suffix) or omit,
            "seed": omit if spec.seed is None else spec.seed,
            "integrations": [dict(item) for item in spec.integrations] or omit,
        }
        # OpenAI keeps this header in its own logs; it makes a dispute with them short.
        headers = {"X-Client-Request-Id": spec.metadata.get(STAMP_KEY, "")}
        return self._job(
            lambda: self._jobs.create(**body, extra_headers=headers, extra_body=self._extra_body()),
            repeatable=False,
        )

    def find_job(self, stamp: str, since: datetime | None = None) -> ProviderJob | None:
        """See the port."""
        try:
            stamped = [job for job in self._iter_jobs(since, {STAMP_KEY: stamp}) if job.stamp == stamp]
        except Rejected:
            # An upstream that refuses the filter can still be read through.
            stamped = [job for job in self._iter_jobs(since, None) if job.stamp == stamp]
        return min(stamped, key=lambda job: job.created_at, default=None)

    def iter_jobs(self, since: datetime | None = None) -> Iterator[ProviderJob]:
        """See the port."""
        return self._iter_jobs(since, None)

    def get_job(self, job_id: str) -> ProviderJob:
        """See the port."""
        return self._job(lambda: self._jobs.retrieve(job_id), repeatable=True)

    def cancel_job(self, job_id: str) -> ProviderJob:
        """See the port."""
        return self._job(lambda: self._jobs.cancel(job_id), repeatable=False)

    def pause_job(self, job_id: str) -> ProviderJob:
        """See the port."""
        return self._job(lambda: self._jobs.pause(job_id), repeatable=False)

    def resume_job(self, job_id: str) -> ProviderJob:
        """See the port."""
        return self._job(lambda: self._jobs.resume(job_id), repeatable=False)

    def iter_events(self, job_id: str, known: frozenset[str]) -> Iterator[ProviderEvent]:
        """See the port."""

        limit = _NEWS_PAGE if known else PAGE

        def fetch(after: str | None) -> dict[str, Any]:
            return read_object(self._jobs.list_events(job_id, limit=limit, after=after or omit).content)

        for raw in self._walk(fetch, None):
            with translated(self._clean, repeatable=True):
                event = mapping.event_of(raw, self._clean)
            if event.id in known:
                return
            yield event

    def list_checkpoints(self, job_id: str) -> list[ProviderCheckpoint]:
        """See the port."""

        def fetch(after: str | None) -> dict[str, Any]:
            return read_object(self._checkpoints.list(job_id, limit=PAGE, after=after or omit).content)

        raws = list(self._walk(fetch, None))
        with translated(self._clean, repeatable=True):
            found = [mapping.checkpoint_of(raw) for raw in raws]
        return sorted(found, key=lambda checkpoint: (checkpoint.step, checkpoint.created_at))

    def list_models(self) -> list[ProviderModel]:
        """See the port."""
        with self._calling(repeatable=True):
            return [mapping.model_of(raw) for raw in read_items(read_object(self._models.list().content))]

    def count_tokens(self, model: str, examples: Sequence[Mapping[str, Any]]) -> LineCounts | None:
        """See the port. Only our trainer counts."""
        if self.kind != "trainer":
            return None
        body = {"model": model, "examples": examples}
        with self._calling(repeatable=True):
            answer = self._client.post("/fine_tuning/token_counts", body=body, cast_to=httpx2.Response)
            return mapping.counts_of(read_object(answer.content), len(examples))

    def delete_model(self, model: str) -> None:
        """See the port."""
        self._delete(lambda: self._models.delete(model))

    def costs_usd(self, start: datetime, end: datetime) -> Decimal | None:
        """See the port. Only OpenAI tells, to keys that may read the organization's costs."""
        if self.kind != "openai":
            return None
        try:
            with within(self.settings.timeout_s):
                return costs.read_costs(self._client, self._clean, start, end)
        except (KeyRefused, Rejected):
            return None

    def endpoint(self) -> Endpoint:
        """See the port."""
        return Endpoint(
            base_url=self.settings.serving_url.rstrip("/"),
            headers={"Authorization": f"Bearer {self.settings.serving_key}"},
            timeout_s=self.settings.timeout_s,
        )

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookHint:
        """See the port."""
        return signing.verify(self._client, self._webhook_secret, body, headers)

    @contextmanager
    def _calling(self, *, repeatable: bool) -> Iterator[None]:
        """One call: over after `timeout_s`, however slowly it is answered."""
        with translated(self._clean, repeatable=repeatable), within(self.settings.timeout_s):
            yield

    def _prepare_file(self, content: BinaryIO) -> Any:
        return content

    def _fit_suffix(self, suffix: str | None) -> str | None:
        return suffix

    def _extra_body(self) -> dict[str, Any] | None:
        return None

    def _fetch_files(self, after: str | None) -> dict[str, Any]:
        listed = self._files.list(purpose="fine-tune", limit=_FILES_PAGE, order="desc", after=after or omit)
        return read_object(listed.content)

    def _job(self, call: Callable[[], Any], *, repeatable: bool) -> ProviderJob:
        with self._calling(repeatable=repeatable):
            return mapping.job_of(read_object(call().content), self._clean, self.status_names)

    def _delete(self, call: Callable[[], Any]) -> None:
        try:
            with self._calling(repeatable=True):
                call()
        except Gone:
            return

    def _iter_jobs(self, since: datetime | None, stamped: Mapping[str, str] | None) -> Iterator[ProviderJob]:
        def fetch(after: str | None) -> dict[str, Any]:
            filtering: Any = omit if stamped is None else dict(stamped)
            return read_object(self._jobs.list(limit=PAGE, after=after or omit, metadata=filtering).content)

        for raw in self._walk(fetch, since):
            with translated(self._clean, repeatable=True):
                job = mapping.job_of(raw, self._clean, self.status_names)
            yield job

    def _walk(
        self, fetch: Callable[[str | None], dict[str, Any]], since: datetime | None
    ) -> Iterator[dict[str, Any]]:
        """The objects of a newest-first list, back to `since` with a margin for clocks that differ."""
        pages = iter_pages(fetch)
        while True:
            try:
                with self._calling(repeatable=True):
                    page = next(pages, None)
            except TooLong:
                raise OutcomeUnknown("The provider's list is too long to look through.") from None
            if page is None:
                return
            yield from page
            if since is not None and _is_before(page[-1], since - _CLOCK_SKEW):
                return


def _is_before(raw: Mapping[str, Any], moment: datetime) -> bool:
    created = raw.get("created_at")
    return isinstance(created, int) and 0 < created < 2**40 and from_unix(created) < moment


def _make_client(settings: ProviderSettings, key: str) -> OpenAI:
    timeout = httpx2.Timeout(settings.timeout_s, connect=min(settings.timeout_s, _CONNECT_S))
    # A followed redirect could send a paid request, or a dataset, somewhere that nobody configured.
    http_client = DefaultHttpxClient(timeout=timeout, follow_redirects=False)
    bound(http_client)
    client = OpenAI(
        api_key=key,
        base_url=settings.base_url,
        timeout=timeout,
        max_retries=0,
        http_client=http_client,
    )
    # The SDK would take these from OPENAI_… variables that happen to be set for someone else.
    client.organization = client.project = client.webhook_secret = None
    # Asked for the organization's costs, the SDK sends this one alone; without it, it would not ask at all.
    client.admin_api_key = key
    return client
