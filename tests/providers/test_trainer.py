"""The port against the sandbox trainer over HTTP, with answers lost, delayed and made up."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from service.providers.errors import Gone, OutcomeUnknown, Rejected, Retryable, Throttled, WoundDown
from service.providers.openai_wire import OpenAIWire
from service.providers.port import ProviderJob
from tests.providers.examples import make_spec, new_stamp, start_job, upload
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

JOBS = "/v1/fine_tuning/jobs$"


def finished(provider: OpenAIWire, job_id: str) -> ProviderJob:
    """The job once it has succeeded."""

    def ask() -> ProviderJob | None:
        job = provider.get_job(job_id)
        return job if job.status == "succeeded" else None

    return wait_until(ask)


def jobs_with(provider: OpenAIWire, stamp: str) -> list[ProviderJob]:
    return [job for job in provider.iter_jobs() if job.stamp == stamp]


def test_a_job_runs_to_a_model_with_checkpoints_events_and_results(provider: OpenAIWire) -> None:
    job = finished(provider, start_job(provider, method=three_epochs()).id)

    assert job.fine_tuned_model
    assert job.trained_tokens
    assert job.hyperparameters["n_epochs"] == 3
    assert job.seed == 7
    assert job.error is None
    checkpoints = provider.list_checkpoints(job.id)
    assert [one.step for one in checkpoints] == sorted(one.step for one in checkpoints)
    assert checkpoints
    events = [event for page in provider.iter_event_pages(job.id, frozenset()) for event in page]
    assert "successfully completed" in events[-1].message
    assert any("train_loss" in event.data for event in events)
    assert provider.read_file(job.result_file_ids[0]).startswith(b"step,train_loss,")
    assert job.fine_tuned_model in {model.id for model in provider.list_models()}


def three_epochs() -> dict[str, object]:
    return {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}}


def test_events_are_read_back_to_the_first_known_one(provider: OpenAIWire) -> None:
    job = finished(provider, start_job(provider).id)
    (every,) = provider.iter_event_pages(job.id, frozenset())

    (fresh,) = provider.iter_event_pages(job.id, frozenset({every[-3].id}))

    assert fresh == every[-2:]


def test_a_create_whose_answer_is_lost_is_found_by_its_stamp(
    provider: OpenAIWire, upstream: TrainerProcess
) -> None:
    spec = make_spec(upload(provider))
    upstream.control.fault("drop_after", path=JOBS, method="POST")

    with pytest.raises(OutcomeUnknown):
        provider.create_job(spec)

    stamp = spec.stamp
    found = provider.find_job(stamp, datetime.now(UTC) - timedelta(minutes=1))
    assert found is not None
    assert [job.id for job in jobs_with(provider, stamp)] == [found.id]


def test_a_create_lost_on_its_way_there_leaves_nothing_to_find(
    provider: OpenAIWire, upstream: TrainerProcess
) -> None:
    spec = make_spec(upload(provider))
    upstream.control.fault("drop_before", path=JOBS, method="POST")

    with pytest.raises(OutcomeUnknown):
        provider.create_job(spec)

    assert provider.find_job(spec.stamp) is None


def test_a_create_that_outlasts_its_timeout_has_an_unknown_outcome(
    provider: OpenAIWire, upstream: TrainerProcess
) -> None:
    impatient = OpenAIWire(provider.settings.model_copy(update={"timeout_s": 0.2}))
    spec = make_spec(upload(provider))
    upstream.control.fault("delay", path=JOBS, method="POST", delay_s=1.0)

    with pytest.raises(OutcomeUnknown):
        impatient.create_job(spec)
    impatient.close()


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_create_answered_by_a_server_error_has_an_unknown_outcome(
    provider: OpenAIWire, upstream: TrainerProcess, status: int
) -> None:
    upstream.control.fault("status", path=JOBS, method="POST", status=status)

    with pytest.raises(OutcomeUnknown):
        start_job(provider)


def test_an_upload_whose_answer_is_lost_is_found_by_its_name(
    provider: OpenAIWire, upstream: TrainerProcess
) -> None:
    name = f"{new_stamp()}.jsonl"
    upstream.control.fault("drop_after", path="/v1/files$", method="POST")

    with pytest.raises(OutcomeUnknown):
        provider.upload_file(name, io.BytesIO(make_lines()))

    found = provider.find_file(name, datetime.now(UTC) - timedelta(minutes=1))
    assert found is not None
    assert provider.create_job(make_spec(found)).id


def make_lines() -> bytes:
    line = b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}\n'
    return line * 10


def test_the_wind_down_is_told_apart_from_other_refusals(
    provider: OpenAIWire, upstream: TrainerProcess
) -> None:
    upstream.control.limits(wind_down=True)

    with pytest.raises(WoundDown) as raised:
        start_job(provider)

    assert raised.value.code == "training_not_available"


def test_the_daily_limit_is_told_apart_from_other_limits(
    provider: OpenAIWire, upstream: TrainerProcess
) -> None:
    upstream.control.limits(jobs_per_day={"*": 0})

    with pytest.raises(Throttled) as raised:
        start_job(provider)

    assert raised.value.code == "daily_rate_limit_exceeded"


def test_a_rate_limit_says_when_to_come_back(provider: OpenAIWire, upstream: TrainerProcess) -> None:
    upstream.control.fault("status", status=429, code="slow_down", headers={"retry-after": "3"})

    with pytest.raises(Throttled) as raised:
        provider.list_models()

    assert (raised.value.code, raised.value.retry_after_s) == ("slow_down", 3.0)


def test_a_status_nobody_has_heard_of_is_shown(provider: OpenAIWire, upstream: TrainerProcess) -> None:
    job = start_job(provider)
    upstream.control.fault("job_status", path=job.id, status_name="moderating")

    assert provider.get_job(job.id).status == "moderating"


def test_garbage_in_place_of_a_job_can_be_asked_for_again(
    provider: OpenAIWire, upstream: TrainerProcess
) -> None:
    job = start_job(provider)
    upstream.control.fault("status", path=job.id, status=200, body="<html>hello</html>")

    with pytest.raises(Retryable) as raised:
        provider.get_job(job.id)

    assert raised.value.code == "malformed_answer"
    assert provider.get_job(job.id).id == job.id


def test_a_file_that_does_not_exist_is_named_by_its_parameter(provider: OpenAIWire) -> None:
    with pytest.raises(Rejected) as raised:
        provider.create_job(make_spec("file-nobody"))

    assert raised.value.param == "training_file"


def test_a_job_that_does_not_exist_is_gone(provider: OpenAIWire) -> None:
    with pytest.raises(Gone):
        provider.get_job("ftjob-nobody")


def test_a_job_is_paused_resumed_and_cancelled(provider: OpenAIWire, upstream: TrainerProcess) -> None:
    upstream.control.stop_clock()
    job = start_job(provider)
    upstream.control.advance(0.004)
    wait_until(lambda: step_to(provider, upstream, job.id, "running"))

    assert provider.pause_job(job.id).status in ("pausing", "paused")
    wait_until(lambda: step_to(provider, upstream, job.id, "paused"))
    assert provider.resume_job(job.id).status == "queued"
    assert provider.cancel_job(job.id).status == "cancelled"
    with pytest.raises(Rejected):
        provider.cancel_job(job.id)


def step_to(provider: OpenAIWire, upstream: TrainerProcess, job_id: str, status: str) -> bool:
    """Whether the job has that status; moves the clock on by one pace where it has not."""
    if provider.get_job(job_id).status == status:
        return True
    upstream.control.advance(0.001)
    return False


def test_a_deleted_file_and_model_are_gone_and_can_be_deleted_again(provider: OpenAIWire) -> None:
    job = finished(provider, start_job(provider).id)
    model = job.fine_tuned_model or ""
    file_id = upload(provider)

    for _ in range(2):
        provider.delete_model(model)
        provider.delete_file(file_id)

    assert model not in {one.id for one in provider.list_models()}


def test_a_models_shutdown_date_is_told(provider: OpenAIWire, upstream: TrainerProcess) -> None:
    upstream.control.shut_down("sandbox-mini", "2027-01-14")

    dates = {model.id: model.shutdown_date for model in provider.list_models()}

    assert (dates["sandbox-mini"], dates["sandbox-large"]) == ("2027-01-14", None)


def test_a_job_that_failed_says_why(provider: OpenAIWire, upstream: TrainerProcess) -> None:
    upstream.control.stop_clock()
    job = start_job(provider)
    failure = {
        "code": "invalid_training_file",
        "message": "Blocked for org-AbC123.",
        "param": "training_file",
    }
    upstream.control.change_job(job.id, failure=failure)

    told = provider.get_job(job.id)

    assert told.status == "failed"
    assert told.error == failure | {"message": "Blocked for [organization]."}


def test_lines_are_counted_by_the_base_they_shall_train(provider: OpenAIWire) -> None:
    said = [{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "你好 " * n}]}
            for n in (1, 50)]  # fmt: skip

    counted = provider.count_tokens("sandbox-mini", [*said, {"no": "example"}])

    assert counted is not None
    assert 0 < counted.tokens[0] < counted.tokens[1]
    assert (counted.tokens[2], counted.truncated) == (0, 0)
    with pytest.raises(Rejected):
        provider.count_tokens("nothing-like-it", said)
