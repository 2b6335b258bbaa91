"""The stock SDK's calls for every wire-compatible row of the API, against the real processes."""

from collections.abc import Iterator

import openai
import pytest
from openai import OpenAI
from openai.types import FileObject
from openai.types.fine_tuning import FineTuningJob

from service.cli.demo.receiver import Receiver, receiving
from tests.jobs.story import run, start, upload, wait_for, wait_for_end
from tests.support.data import chat_file
from tests.support.processes import Worker
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess

BASE = "sandbox-mini"

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def sdk(service: Service, worker: Worker, trainer: TrainerProcess) -> OpenAI:
    return service.make_team(budget_usd="50.00").sdk


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def test_files_are_created_listed_read_and_deleted(sdk: OpenAI) -> None:
    content = chat_file(20)
    file = upload(sdk, content)
    other = upload(sdk, chat_file(20, topic="coffee"))

    assert (file.object, file.status, file.purpose, file.bytes) == (
        "file",
        "processed",
        "fine-tune",
        len(content),
    )
    assert [found.id for found in sdk.files.list()] == [other.id, file.id]
    assert [found.id for found in sdk.files.list(order="asc", limit=1)] == [file.id, other.id]
    assert sdk.files.retrieve(file.id).filename == file.filename
    assert sdk.files.content(file.id).read() == content
    assert sdk.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        sdk.files.retrieve(file.id)


def test_uploads_are_made_of_parts_completed_and_cancelled(sdk: OpenAI) -> None:
    content = chat_file(40)
    upload_ = sdk.uploads.upload_file_chunked(
        file=content,
        filename="parts.jsonl",
        bytes=len(content),
        mime_type="text/jsonl",
        purpose="fine-tune",
        part_size=1000,
    )
    assert upload_.status == "completed"
    assert upload_.file
    file = sdk.files.wait_for_processing(upload_.file.id, poll_interval=0.05)
    assert (file.status, sdk.files.content(file.id).read()) == ("processed", content)

    given_up = sdk.uploads.create(filename="no.jsonl", purpose="fine-tune", bytes=10, mime_type="text/jsonl")
    assert sdk.uploads.cancel(given_up.id).status == "cancelled"


def test_jobs_are_created_listed_and_retrieved(sdk: OpenAI) -> None:
    training, validation = upload(sdk, chat_file(40)), upload(sdk, chat_file(12, topic="cocoa"))
    job = run(
        sdk,
        model=BASE,
        training_file=training.id,
        validation_file=validation.id,
        suffix="rows",
        seed=11,
        metadata={"team": "a"},
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
    )

    assert (job.object, job.model, job.training_file, job.validation_file, job.seed) == (
        "fine_tuning.job",
        BASE,
        training.id,
        validation.id,
        11,
    )
    assert str(job.fine_tuned_model).startswith(f"ft:{BASE}:")
    assert job.trained_tokens
    assert job.finished_at
    assert job.finished_at >= job.created_at
    assert job.error is None or job.error.code is None
    assert _epochs(job) == 3
    assert [found.id for found in sdk.fine_tuning.jobs.list(metadata={"team": "a"})] == [job.id]
    assert list(sdk.fine_tuning.jobs.list(metadata={"team": "b"})) == []


def test_events_and_checkpoints_are_paged_newest_first(sdk: OpenAI) -> None:
    job = run(sdk, model=BASE, training_file=upload(sdk, chat_file(40)).id)

    events = list(sdk.fine_tuning.jobs.list_events(job.id, limit=5))
    checkpoints = list(sdk.fine_tuning.jobs.checkpoints.list(job.id, limit=1))

    assert len({event.id for event in events}) == len(events) > 5
    assert {event.type for event in events} == {"message", "metrics"}
    assert events[-1].message.startswith("Created fine-tuning job")
    steps = [checkpoint.step_number for checkpoint in checkpoints]
    assert steps == sorted(steps, reverse=True)
    assert checkpoints[0].fine_tuned_model_checkpoint == job.fine_tuned_model
    assert checkpoints[0].fine_tuning_job_id == job.id


def test_a_job_is_paused_resumed_and_cancelled(sdk: OpenAI, trainer: TrainerProcess) -> None:
    file = upload(sdk, chat_file(40))
    trainer.control.stop_clock()
    job = start(sdk, model=BASE, training_file=file.id)
    wait_for(sdk, job.id, lambda now: bool(now.tunehouse["provider_status"]))  # type: ignore[attr-defined]
    # Checked after 1 ms, started after 2, the first of many steps after 3.
    trainer.control.advance(0.0035)
    wait_for(sdk, job.id, lambda now: now.status == "running")

    sdk.fine_tuning.jobs.pause(job.id)
    wait_for(sdk, job.id, lambda now: str(now.status) in ("pausing", "paused"))
    trainer.control.advance(0.01)
    wait_for(sdk, job.id, lambda now: str(now.status) == "paused")
    sdk.fine_tuning.jobs.resume(job.id)
    wait_for(sdk, job.id, lambda now: now.status in ("queued", "running"))
    sdk.fine_tuning.jobs.cancel(job.id)

    assert wait_for_end(sdk, job.id).status == "cancelled"


def test_models_are_listed_retrieved_and_deleted(sdk: OpenAI) -> None:
    tuned = str(run(sdk, model=BASE).fine_tuned_model)

    listed = {model.id for model in sdk.models.list()}
    assert {tuned, BASE} <= listed
    assert sdk.models.retrieve(tuned).object == "model"
    assert sdk.models.retrieve(BASE).id == BASE
    assert sdk.models.delete(tuned).deleted
    assert tuned not in {model.id for model in sdk.models.list()}
    with pytest.raises(openai.NotFoundError):
        sdk.models.retrieve(tuned)


def test_a_checkpoint_can_be_tuned_further_and_asked(sdk: OpenAI) -> None:
    job = run(sdk, model=BASE, training_file=upload(sdk, chat_file(40)).id)
    early = list(sdk.fine_tuning.jobs.checkpoints.list(job.id))[-1].fine_tuned_model_checkpoint

    further = run(sdk, model=early)
    answer = sdk.chat.completions.create(
        model=early, messages=[{"role": "user", "content": "Question 1 about tea?"}]
    )

    assert further.model == early
    assert "Answer 1" in str(answer.choices[0].message.content)


def test_chat_answers_whole_and_in_pieces(sdk: OpenAI) -> None:
    tuned = str(run(sdk, model=BASE).fine_tuned_model)
    question = "Question 3 about tea?"

    whole = sdk.chat.completions.create(model=tuned, messages=[{"role": "user", "content": question}])
    with sdk.chat.completions.create(
        model=tuned,
        messages=[{"role": "user", "content": question}],
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        pieces = list(stream)

    assert (whole.object, whole.model) == ("chat.completion", tuned)
    assert whole.usage
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    streamed = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert streamed == whole.choices[0].message.content
    assert pieces[-1].usage == whole.usage
    assert {piece.model for piece in pieces} == {tuned}


def test_completions_and_responses_answer_too(sdk: OpenAI) -> None:
    completion = sdk.completions.create(model=BASE, prompt="Is anyone there?")
    response = sdk.responses.create(model=BASE, input="Is anyone there?")

    assert completion.choices[0].text
    assert completion.model == BASE
    assert response.output_text
    assert response.model == BASE


def test_webhook_endpoints_have_every_call_of_the_sdk(sdk: OpenAI, receiver: Receiver) -> None:
    types = sdk.webhooks.event_types.list().data
    assert "fine_tuning.job.succeeded" in [getattr(known, "type", known) for known in types]
    endpoint = sdk.webhooks.create(name="rows", url=receiver.url, event_types=["fine_tuning.job.succeeded"])
    assert sdk.webhooks.retrieve(endpoint.id).url == receiver.url
    assert [found.id for found in sdk.webhooks.list()] == [endpoint.id]
    assert sdk.webhooks.update(endpoint.id, name="renamed").name == "renamed"

    sdk.webhooks.test(endpoint.id, event_type="fine_tuning.job.succeeded")
    rotated = sdk.webhooks.rotate_secret(endpoint.id, keep_old_secret_active_for_24_hours=True)
    job = run(sdk, model=BASE)

    call = receiver.wait_for(2, timeout_s=20)[1]
    for secret in (endpoint.signing_secret, rotated.signing_secret):
        event = sdk.webhooks.unwrap(call.body, call.headers, secret=secret)
        assert event.type == "fine_tuning.job.succeeded"
        assert event.data.id == job.id
    assert sdk.webhooks.delete(endpoint.id).deleted
    with pytest.raises(openai.NotFoundError):
        sdk.webhooks.retrieve(endpoint.id)


def test_the_organization_rows_answer_the_admin_client(service: Service, sdk: OpenAI) -> None:
    sdk.chat.completions.create(model=BASE, messages=[{"role": "user", "content": "hello"}])
    with OpenAI(base_url=f"{service.url}/v1", api_key="unused", admin_api_key=service.admin_key) as admin:
        costs = admin.admin.organization.usage.costs(start_time=1, bucket_width="1d", limit=180)
        usage = admin.admin.organization.usage.completions(start_time=1, bucket_width="1d")

    assert costs.object == usage.object == "page"


def _epochs(job: FineTuningJob) -> object:
    method = job.method
    assert method
    assert method.supervised
    assert method.supervised.hyperparameters
    return method.supervised.hyperparameters.n_epochs


def test_a_file_that_a_job_needs_cannot_be_deleted(sdk: OpenAI, trainer: TrainerProcess) -> None:
    file: FileObject = upload(sdk)
    trainer.control.stop_clock()
    job = start(sdk, model=BASE, training_file=file.id)

    with pytest.raises(openai.ConflictError) as refusal:
        sdk.files.delete(file.id)

    assert refusal.value.code == "file_in_use"
    assert refusal.value.response.headers["x-should-retry"] == "false"
    trainer.control.run_clock()
    wait_for_end(sdk, job.id)
    assert sdk.files.delete(file.id).deleted
