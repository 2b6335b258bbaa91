"""Steps that many tests take: upload a file, run a job to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
from openai.types.fine_tuning import FineTuningJob

from tests.support.waiting import wait_until
from tests.trainer.examples import chat_file

TERMINAL = {"succeeded", "failed", "cancelled"}


def upload(client: openai.OpenAI, content: bytes | None = None, name: str = "train.jsonl") -> str:
    """Upload training data and return the file's id."""
    data = chat_file() if content is None else content
    return client.files.create(file=(name, data), purpose="fine-tune").id


def create_job(client: openai.OpenAI, content: bytes | None = None, **fields: Any) -> FineTuningJob:
    """Create a job on a fresh file."""
    fields.setdefault("model", "sandbox-mini")
    return client.fine_tuning.jobs.create(training_file=upload(client, content), **fields)


def run_job(client: openai.OpenAI, content: bytes | None = None, **fields: Any) -> FineTuningJob:
    """Create a job and wait for its end."""
    return wait_for_end(client, create_job(client, content, **fields).id)


def wait_for_end(client: openai.OpenAI, job_id: str) -> FineTuningJob:
    """The job once it has ended."""
    return wait_for(client, job_id, lambda job: job.status in TERMINAL)


def wait_for(client: openai.OpenAI, job_id: str, is_right: Callable[[FineTuningJob], bool]) -> FineTuningJob:
    """The job once it is as wanted."""

    def look() -> FineTuningJob | None:
        job = client.fine_tuning.jobs.retrieve(job_id)
        return job if is_right(job) else None

    return wait_until(look, every_s=0.01)


def messages_of(client: openai.OpenAI, job_id: str) -> list[str]:
    """A job's event messages, oldest first."""
    events = list(client.fine_tuning.jobs.list_events(job_id, limit=7))
    return [event.message for event in reversed(events)]
