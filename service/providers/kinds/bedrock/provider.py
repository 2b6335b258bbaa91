"""AWS Bedrock's model customization, with training files in an S3 bucket of yours.

A job's name is our job's id, and the request token repeats it: AWS answers a repeat with the same job, and
the name can only exist once. Bedrock reports neither tokens nor cost: the estimate is charged as uncertain.
"""

import tempfile
import weakref
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

import httpx2

from service.providers.bounds import PAGE
from service.providers.errors import Gone, KeyRefused, OutcomeUnknown, Rejected
from service.providers.failures import translated
from service.providers.kinds.bedrock import reading
from service.providers.kinds.bedrock.datasets import convert
from service.providers.kinds.bedrock.signing import Credentials, SigV4
from service.providers.kinds.capabilities import translate
from service.providers.kinds.rest_provider import RestProvider
from service.providers.port import (
    DeploymentSpec,
    FileState,
    ProviderCheckpoint,
    ProviderDeployment,
    ProviderEvent,
    ProviderFile,
    ProviderJob,
    ProviderJobSpec,
    ProviderModel,
)
from service.providers.rest import Rest
from service.providers.scrub import make_clean
from service.settings import ProviderSettings

# What a job names its base, for the context length that the catalogue lists.
_BASES = {
    "amazon.nova-micro-v1": "amazon.nova-micro-v1:0:128k",
    "amazon.nova-lite-v1": "amazon.nova-lite-v1:0:300k",
}
_JOBS = "/model-customization-jobs"
_DEPLOYMENTS = "/model-customization/custom-model-deployments"
_MOST_PAGES = 100


class _Aws(Rest):
    """Calls that are signed. AWS refuses an unknown key, and one without the right, with 403."""

    def check(self, response: httpx2.Response, *, repeatable: bool) -> httpx2.Response:
        """The same answer. Raises the error of a refusal."""
        try:
            return super().check(response, repeatable=repeatable)
        except Rejected as refusal:
            if refusal.status != httpx2.codes.FORBIDDEN:
                raise
            raise KeyRefused(refusal.message, status=refusal.status, code=refusal.code) from refusal


class BedrockProvider(RestProvider):
    """Bedrock; the port documents the methods. Jobs, models and deployments are known by their ARNs."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings, settings.base_url)
        self._s3 = self._signed("s3", str(settings.training_bucket_url))
        self._closing_s3 = weakref.finalize(self, self._s3.close)

    def close(self) -> None:
        super().close()
        self._closing_s3()

    def _opened(self, root: str) -> Rest:
        return self._signed("bedrock", root)

    def _signed(self, service: str, root: str) -> Rest:
        credentials = Credentials.parse(self.settings.api_key.get_secret_value())
        clean = make_clean((credentials.secret, credentials.key_id, credentials.token or ""), root)
        return _Aws(self.settings, root, clean, SigV4(credentials, service, str(self.settings.region)))

    def upload_file(self, filename: str, content: BinaryIO) -> str:
        content.seek(0)
        with tempfile.TemporaryFile() as converted:
            convert(content, converted)
            size_bytes = converted.tell()
            converted.seek(0)
            self._s3.put(f"/{filename}", converted, size_bytes)
        return filename

    def find_file(self, filename: str, since: datetime | None = None) -> str | None:
        return filename if self._s3.exists(f"/{filename}") else None

    def iter_files(self, since: datetime | None = None) -> Iterator[ProviderFile]:
        """None: an upload that is repeated has the same key, so that none can be left behind."""
        return iter(())

    def file_state(self, file_id: str) -> FileState:
        return FileState(is_ready=True)

    def delete_file(self, file_id: str) -> None:
        with suppress(Gone):
            self._s3.delete(f"/{file_id}")

    def create_job(self, spec: ProviderJobSpec) -> ProviderJob:
        asked = translate("bedrock", spec.method[spec.method["type"]].get("hyperparameters", {}))
        files = {"trainingDataConfig": {"s3Uri": self._uri(spec.training_file_id)}}
        if spec.validation_file_id:
            validation = {"s3Uri": self._uri(spec.validation_file_id)}
            files["validationDataConfig"] = {"validators": [validation]}  # type: ignore[dict-item]
        body = {
            "jobName": spec.stamp,
            "clientRequestToken": spec.stamp,
            "customModelName": spec.stamp,
            "roleArn": self.settings.training_role,
            "baseModelIdentifier": _BASES.get(spec.model, spec.model),
            "customizationType": "FINE_TUNING",
            "hyperParameters": {name: f"{value:g}" for name, value in asked.items()},
            "outputDataConfig": {"s3Uri": self._uri("output/")},
            **files,
        }
        try:
            self._rest.post(_JOBS, body)
        except Rejected:
            # "Conflict" has the status of any refusal: only a look tells whether an earlier attempt arrived.
            found = self.find_job(spec.stamp)
            if found is None:
                raise
            return found
        created = self.find_job(spec.stamp)
        if created is None:
            raise OutcomeUnknown("The provider does not show the job that it has just taken.")
        return created

    def find_job(self, stamp: str, since: datetime | None = None) -> ProviderJob | None:
        with translated(self._clean, repeatable=True):
            try:
                found = reading.job_of(self._rest.get(f"{_JOBS}/{stamp}"), self._clean)
            except Gone:
                return None
        return found if found.stamp == stamp else None

    def iter_jobs(self, since: datetime | None = None) -> Iterator[ProviderJob]:
        for raw in self._pages(_JOBS, "modelCustomizationJobSummaries"):
            with translated(self._clean, repeatable=True):
                job = reading.job_of(raw, self._clean)
            yield job

    def get_job(self, job_id: str) -> ProviderJob:
        with translated(self._clean, repeatable=True):
            return reading.job_of(self._rest.get(_at(_JOBS, job_id)), self._clean, job_id)

    def cancel_job(self, job_id: str) -> ProviderJob:
        self._rest.post(f"{_at(_JOBS, job_id)}/stop")
        return self.get_job(job_id)

    def iter_event_pages(self, job_id: str, known: frozenset[str]) -> Iterator[list[ProviderEvent]]:
        """Bedrock keeps no log: each state that is seen becomes an event."""
        event = reading.event_of(self._rest.get(_at(_JOBS, job_id)), self._clean)
        if event.id not in known:
            yield [event]

    def list_checkpoints(self, job_id: str) -> list[ProviderCheckpoint]:
        return []

    def list_models(self) -> list[ProviderModel]:
        listed = self._rest.get("/custom-models", {"maxResults": "1"}, answer=PAGE)
        with translated(self._clean, repeatable=True):
            there = reading.items_of(listed, "modelSummaries")
            return [ProviderModel(reading.arn_of(one, "modelArn")) for one in there]

    def delete_model(self, model: str) -> None:
        self._delete(_at("/custom-models", model))

    def deploy(self, spec: DeploymentSpec) -> ProviderDeployment:
        if spec.known_id:
            return self.get_deployment(spec)
        name = _name_of(spec)
        known = self._deployed_as(name)
        if known is not None:
            return known
        body = {"modelDeploymentName": name, "modelArn": spec.model, "clientRequestToken": name}
        answer = self._rest.post(_DEPLOYMENTS, body)
        with translated(self._clean, repeatable=True):
            return ProviderDeployment(reading.arn_of(answer, "customModelDeploymentArn"), "deploying")

    def get_deployment(self, spec: DeploymentSpec) -> ProviderDeployment:
        with translated(self._clean, repeatable=True):
            try:
                return reading.deployment_of(
                    self._rest.get(_at(_DEPLOYMENTS, spec.known_id or "")), self._clean
                )
            except Gone:
                return ProviderDeployment(spec.known_id or "", "gone")

    def undeploy(self, spec: DeploymentSpec) -> None:
        known = (
            ProviderDeployment(spec.known_id, "ready") if spec.known_id else self._deployed_as(_name_of(spec))
        )
        if known is not None:
            self._delete(_at(_DEPLOYMENTS, known.id))

    def _deployed_as(self, name: str) -> ProviderDeployment | None:
        for raw in self._pages(_DEPLOYMENTS, "modelDeploymentSummaries", {"nameContains": name}):
            if raw.get("customModelDeploymentName") == name:
                with translated(self._clean, repeatable=True):
                    return reading.deployment_of(raw, self._clean)
        return None

    def _pages(self, path: str, name: str, params: dict[str, str] | None = None) -> Iterator[dict[str, Any]]:
        asked = {"maxResults": "100"} | (params or {})
        for _ in range(_MOST_PAGES):
            answer = self._rest.get(path, asked, answer=PAGE)
            with translated(self._clean, repeatable=True):
                yield from reading.items_of(answer, name)
            token = answer.get("nextToken")
            if not isinstance(token, str) or not token:
                return
            asked = asked | {"nextToken": token}
        raise OutcomeUnknown("The provider's list is too long to look through.")

    def _uri(self, key: str) -> str:
        """The `s3://` address of an object; the bucket is in the host or the path of its https address."""
        url = urlsplit(str(self.settings.training_bucket_url))
        host, path = url.hostname or "", url.path.strip("/")
        if ".s3." in host:
            path = f"{host.partition('.s3.')[0]}/{path}".rstrip("/")
        return f"s3://{path}/{key}"


def _at(place: str, arn: str) -> str:
    return f"{place}/{quote(arn, safe='')}"


def _name_of(spec: DeploymentSpec) -> str:
    return spec.stamp.replace("_", "-")
