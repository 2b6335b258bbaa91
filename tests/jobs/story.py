"""Steps that tests of jobs share."""

from collections.abc import Callable

from openai import OpenAI
from openai.types import FileObject
from openai.types.fine_tuning import FineTuningJob

from tests.support.data import chat_file
from tests.support.waiting import wait_until

BASE = "sandbox-mini"
ENDED = ("succeeded", "failed", "cancelled")


def upload(sdk: OpenAI, content: bytes | None = None) -> FileObject:
    """A dataset that has been checked."""
    sent = sdk.files.create(file=("data.jsonl", content or chat_file()), purpose="fine-tune")
    return sdk.files.wait_for_processing(sent.id, poll_interval=0.05, max_wait_seconds=30)


def start(sdk: OpenAI, **changes: object) -> FineTuningJob:
    """A new job on a small dataset."""
    body: dict[str, object] = {
        "model": BASE,
        "training_file": changes.pop("training_file", None) or upload(sdk).id,
    }
    return sdk.fine_tuning.jobs.create(**(body | changes))  # type: ignore[arg-type]


def wait_for(sdk: OpenAI, job_id: str, reached: Callable[[FineTuningJob], bool]) -> FineTuningJob:
    """The job once `reached` says so."""

    def look() -> FineTuningJob | None:
        job = sdk.fine_tuning.jobs.retrieve(job_id)
        return job if reached(job) else None

    return wait_until(look)


def wait_for_end(sdk: OpenAI, job_id: str) -> FineTuningJob:
    """The job once it has ended, whichever way."""
    return wait_for(sdk, job_id, lambda job: job.status in ENDED)


def run(sdk: OpenAI, **changes: object) -> FineTuningJob:
    """A job from create to success."""
    job = wait_for_end(sdk, start(sdk, **changes).id)
    assert job.status == "succeeded", job
    return job


def events_of(sdk: OpenAI, job_id: str) -> list[str]:
    """The messages of a job's log, oldest first."""
    return [event.message for event in sdk.fine_tuning.jobs.list_events(job_id, limit=100)][::-1]
