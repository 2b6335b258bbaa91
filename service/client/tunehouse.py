"""The client's methods."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import httpx2

from service.client import answers
from service.client.connection import CallFailed, Connection, path
from service.client.migrations import MigrationInfo
from service.client.retrains import RecipeInfo, RetrainInfo, RetrainPlanInfo
from service.client.watching import follow_events

_TIMEOUT_S = 60.0
_POLL_S = 0.5


class _Jobs(answers.ServiceAnswer):
    data: list[answers.JobInfo]


class _Aliases(answers.ServiceAnswer):
    data: list[answers.AliasInfo]


class _Migrations(answers.ServiceAnswer):
    data: list[MigrationInfo]


class _Retrains(answers.ServiceAnswer):
    data: list[RetrainInfo]


class _Shutdowns(answers.ServiceAnswer):
    data: list[answers.ShutdownInfo]


class Tunehouse:
    """One team's view of the service. Every method raises `CallFailed`; `CallRefused` says why."""

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout_s: float = _TIMEOUT_S,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """Without arguments, take OPENAI_BASE_URL (which ends in `/v1`) and OPENAI_API_KEY."""
        self._connection = Connection(base_url, api_key, timeout_s, transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def me(self) -> answers.KeyInfo:
        """Return what the key may do, and how the budgets stand."""
        return self._connection.call(answers.KeyInfo, "GET", "me")

    def upload(self, file: Path | BinaryIO, filename: str | None = None) -> answers.FileInfo:
        """Upload a dataset; its check begins at once."""
        if isinstance(file, Path):
            with file.open("rb") as opened:
                return self.upload(opened, filename or file.name)
        named = filename or Path(getattr(file, "name", "dataset.jsonl")).name
        return self._connection.call(
            answers.FileInfo, "POST", "files", data={"purpose": "fine-tune"}, files={"file": (named, file)}
        )

    def file(self, file_id: str) -> answers.FileInfo:
        """Return a file."""
        return self._connection.call(answers.FileInfo, "GET", path("files", file_id))

    def wait_for_check(self, file_id: str, timeout_s: float = 3600.0) -> answers.FileInfo:
        """Return a file once it has been checked. Raises `CallFailed` if that takes over `timeout_s`."""
        ends = time.monotonic() + timeout_s
        while (file := self.file(file_id)).status == "uploaded":
            if time.monotonic() > ends:
                raise CallFailed(f"the check of {file_id} has not ended within {timeout_s:g} s")
            time.sleep(_POLL_S)  # between two looks: files have no event stream
        return file

    def report(self, file_id: str) -> answers.ReportInfo:
        """Return what the check of a file found, with the cost of a job for each model that it fits."""
        return self._connection.call(answers.ReportInfo, "GET", path("files", file_id, "report"))

    def estimate(self, model: str, training_file: str, **job: Any) -> answers.EstimateInfo:
        """Return what a job would train and cost; `job` are further fields of a job."""
        body = {"model": model, "training_file": training_file, **job}
        return self._connection.call(answers.EstimateInfo, "POST", "fine_tuning/estimates", json=body)

    def quote(
        self, training_file: str, use: Mapping[str, int] | None = None, months: int = 12
    ) -> answers.QuotesInfo:
        """Return what a job on a file, and its model's use, costs at every provider.

        `use` has `requests_per_day`, and the `input_tokens` and `output_tokens` of one request.
        """
        body = {"training_file": training_file, "use": use, "months": months}
        return self._connection.call(answers.QuotesInfo, "POST", "fine_tuning/quotes", json=body)

    def jobs(self, limit: int = 20, after: str | None = None) -> list[answers.JobInfo]:
        """Return the team's jobs, newest first; `after` is the id of the last job of the page before."""
        params = _set(limit=limit, after=after)
        return self._connection.call(_Jobs, "GET", "fine_tuning/jobs", params=params).data

    def job(self, job_id: str) -> answers.JobInfo:
        """Return a job."""
        return self._connection.call(answers.JobInfo, "GET", path("fine_tuning/jobs", job_id))

    def watch(self, job_id: str) -> Iterator[answers.JobEventInfo]:
        """Yield a job's events from its first one on, as they happen, until it has ended."""
        return follow_events(self._connection, job_id)

    def costs(
        self,
        group_by: Iterable[str] = (),
        start_time: str | int | None = None,
        end_time: str | int | None = None,
    ) -> answers.CostsInfo:
        """Return the team's costs; times are Unix seconds, dates, or times with a zone."""
        params = _set(group_by=list(group_by), start_time=start_time, end_time=end_time)
        return self._connection.call(answers.CostsInfo, "GET", "costs", params=params)

    def lineage(self, model: str, direction: str | None = None) -> answers.LineageInfo:
        """Return a model's graph; `direction` limits it to "ancestors" or "descendants"."""
        params = _set(direction=direction)
        return self._connection.call(
            answers.LineageInfo, "GET", path("models", model, "lineage"), params=params
        )

    def recipe(self, model: str) -> RecipeInfo:
        """Return the jobs that made a tuned model, with their data."""
        return self._connection.call(RecipeInfo, "GET", path("models", model, "recipe"))

    def plan_retrain(self, model: str, /, **options: Any) -> RetrainPlanInfo:
        """Return what it would cost to make a model again, without creating anything.

        `options` are `model` (the base to start from), `provider` and `acknowledge_shutdown`.
        """
        return self._connection.call(RetrainPlanInfo, "POST", path("models", model, "retrain"), json=options)

    def retrain(self, model: str, /, **options: Any) -> RetrainInfo:
        """Start to make a model again; `options` are those of its plan."""
        body = {**options, "confirm": True}
        return self._connection.call(RetrainInfo, "POST", path("models", model, "retrain"), json=body)

    def retrains(self, limit: int = 20, after: str | None = None) -> list[RetrainInfo]:
        """Return the team's retrains, newest first; `after` is the id of the last one of the page before."""
        params = _set(limit=limit, after=after)
        return self._connection.call(_Retrains, "GET", "retrains", params=params).data

    def retrain_progress(self, retrain_id: str) -> RetrainInfo:
        """Return a retrain and the progress of its steps."""
        return self._connection.call(RetrainInfo, "GET", path("retrains", retrain_id))

    def cancel_retrain(self, retrain_id: str) -> RetrainInfo:
        """Cancel a retrain and its current job; the models that it has made are kept."""
        return self._connection.call(RetrainInfo, "POST", path("retrains", retrain_id, "cancel"))

    def plan_migration(self, **migration: Any) -> MigrationInfo:
        """Plan to move tuned models, without spending anything.

        `migration` are the fields of `POST /v1/model_migrations`: one of `models`, `alias` and
        `shutting_down_before`; `to`; and optionally `prompts`, `accept` and `max_cost_usd`.
        """
        return self._connection.call(MigrationInfo, "POST", "model_migrations", json=_set(**migration))

    def start_migration(self, migration_id: str, fingerprint: str) -> MigrationInfo:
        """Confirm a plan by its fingerprint, and start it. Raises `CallRefused` if it would differ now."""
        place = path("model_migrations", migration_id, "start")
        return self._connection.call(MigrationInfo, "POST", place, json={"fingerprint": fingerprint})

    def migrations(self, limit: int = 20, after: str | None = None) -> list[MigrationInfo]:
        """Return the team's migrations, newest first; `after` is the id of the last one before the page."""
        params = _set(limit=limit, after=after)
        return self._connection.call(_Migrations, "GET", "model_migrations", params=params).data

    def migration(self, migration_id: str) -> MigrationInfo:
        """Return a migration: its plan, and the progress of its steps."""
        return self._connection.call(MigrationInfo, "GET", path("model_migrations", migration_id))

    def cancel_migration(self, migration_id: str) -> MigrationInfo:
        """Cancel a migration and its jobs; the models that it has made are kept."""
        return self._connection.call(MigrationInfo, "POST", path("model_migrations", migration_id, "cancel"))

    def aliases(self) -> Sequence[answers.AliasInfo]:
        """Return the team's aliases."""
        return self._connection.call(_Aliases, "GET", "aliases").data

    def set_alias(self, name: str, model: str) -> answers.AliasInfo:
        """Point an alias at a model; it is made if it does not exist."""
        return self._connection.call(answers.AliasInfo, "PUT", path("aliases", name), json={"model": model})

    def shutdowns(self) -> Sequence[answers.ShutdownInfo]:
        """Return the base models that will shut down."""
        return self._connection.call(_Shutdowns, "GET", "shutdowns").data


def _set(**params: Any) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}
