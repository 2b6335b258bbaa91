"""Steps that many tests of real training take."""

from __future__ import annotations

import base64
import csv
import io
import re
from typing import Any

import openai
from openai.types.fine_tuning import FineTuningJob

from tests.support.waiting import wait_until
from tests.trainer.steps import TERMINAL, create_job, messages_of, upload

PATIENCE_S = 600.0  # training waits for two busy cores


def train(client: openai.OpenAI, content: bytes, **fields: Any) -> FineTuningJob:
    """Run a job that succeeds; `epochs`, `rate`, `batch` are its hyperparameters, `valid` its other file."""
    job = run(client, content, **fields)
    assert job.status == "succeeded", job.error
    return job


def run(client: openai.OpenAI, content: bytes, **fields: Any) -> FineTuningJob:
    """Run a job to its end, whichever it is."""
    every_s = fields.pop("every_s", 0.05)
    return wait_for_end(client, start(client, content, **fields).id, every_s)


def start(client: openai.OpenAI, content: bytes, *, valid: bytes | None = None, epochs: int | None = None,
          rate: float | None = None, batch: int | None = None, **fields: Any) -> FineTuningJob:  # fmt: skip
    """Create a job."""
    given = {"n_epochs": epochs, "learning_rate_multiplier": rate, "batch_size": batch}
    hyperparameters = {name: value for name, value in given.items() if value is not None}
    method = fields.pop("method", "supervised")
    if valid is not None:
        fields["validation_file"] = upload(client, valid)
    fields = {"model": "tiny", "seed": 7, **fields}
    return create_job(
        client, content, method={"type": method, method: {"hyperparameters": hyperparameters}}, **fields
    )


def wait_for_end(client: openai.OpenAI, job_id: str, every_s: float = 0.05) -> FineTuningJob:
    """The job once it has ended."""

    def look() -> FineTuningJob | None:
        job = client.fine_tuning.jobs.retrieve(job_id)
        return job if job.status in TERMINAL else None

    return wait_until(look, PATIENCE_S, every_s)


def wait_for_step(client: openai.OpenAI, job_id: str, step: int) -> None:
    """Wait until the log tells a step or a later one; the job must not have ended before."""

    def has_come() -> bool:
        if max(steps_of(client, job_id), default=0) >= step:
            return True
        job = client.fine_tuning.jobs.retrieve(job_id)
        assert job.status not in TERMINAL, job.error
        return False

    wait_until(has_come, PATIENCE_S)


def steps_of(client: openai.OpenAI, job_id: str) -> list[int]:
    """The steps that the log tells, in its order."""
    found = (re.match(r"Step (\d+)/", message) for message in messages_of(client, job_id))
    return [int(match[1]) for match in found if match]


def metrics_of(client: openai.OpenAI, job_id: str, name: str) -> list[float]:
    """One metric of every event that has it, oldest first."""
    events = list(client.fine_tuning.jobs.list_events(job_id, limit=100))
    return [e.data[name] for e in reversed(events) if e.type == "metrics" and name in e.data]  # type: ignore[index, operator]


def results_of(client: openai.OpenAI, job: FineTuningJob, number: int = 0) -> list[dict[str, str]]:
    """The rows of a result file."""
    text = base64.b64decode(client.files.content(job.result_files[number]).read()).decode()
    return list(csv.DictReader(io.StringIO(text)))


def ask(client: openai.OpenAI, model: str | None, question: str, **fields: Any) -> str:
    """What a model answers, as likely as can be."""
    reply = client.chat.completions.create(
        model=str(model), messages=[{"role": "user", "content": question}], temperature=0, **fields
    )
    return str(reply.choices[0].message.content)
