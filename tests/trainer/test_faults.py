"""Scripted faults: what a client sees, and what the server has done."""

from collections.abc import Callable

import httpx2
import openai
import pytest

from tests.support.trainer_process import TrainerProcess
from tests.trainer.conftest import make_client
from tests.trainer.steps import create_job, run_job, upload

ASK = [{"role": "user", "content": "Hello there, what are you?"}]


def chat(client: openai.OpenAI, **fields: object) -> object:
    return client.chat.completions.create(model="sandbox-mini", messages=ASK, **fields)  # type: ignore[call-overload]


def test_a_status_fault_answers_so_many_times_and_does_nothing(
    client: openai.OpenAI, trainer: TrainerProcess
) -> None:
    file_id = upload(client)
    before = len(client.fine_tuning.jobs.list(limit=1000).data)
    trainer.control.fault(
        "status",
        "/fine_tuning/jobs$",
        "POST",
        times=2,
        status=429,
        code="slow_down",
        type="rate_limit_error",
        message="Slow down.",
        headers={"retry-after": "7"},
    )
    for _ in range(2):
        with pytest.raises(openai.RateLimitError, match="Slow down") as caught:
            client.fine_tuning.jobs.create(model="sandbox-mini", training_file=file_id)
        assert caught.value.code == "slow_down"
        assert caught.value.response.headers["retry-after"] == "7"
    assert len(client.fine_tuning.jobs.list(limit=1000).data) == before
    client.fine_tuning.jobs.create(model="sandbox-mini", training_file=file_id)
    assert trainer.control.faults()[0]["acted"] == 2


def test_a_connection_dropped_before_leaves_nothing_behind(
    client: openai.OpenAI, trainer: TrainerProcess
) -> None:
    trainer.control.fault("drop_before", "/fine_tuning/jobs$", "POST")
    with pytest.raises(openai.APIConnectionError):
        create_job(client, metadata={"mark": "before"})
    assert client.fine_tuning.jobs.list(metadata={"mark": "before"}).data == []


def test_an_answer_dropped_after_leaves_the_job_behind(
    client: openai.OpenAI, trainer: TrainerProcess
) -> None:
    trainer.control.fault("drop_after", "/fine_tuning/jobs$", "POST")
    with pytest.raises(openai.APIConnectionError):
        create_job(client, metadata={"mark": "after"})
    assert len(client.fine_tuning.jobs.list(metadata={"mark": "after"}).data) == 1


def test_a_file_may_be_stored_though_the_answer_is_lost(
    client: openai.OpenAI, trainer: TrainerProcess
) -> None:
    before = len(client.files.list(purpose="fine-tune").data)
    trainer.control.fault("drop_after", "/files$", "POST")
    with pytest.raises(openai.APIConnectionError):
        upload(client)
    assert len(client.files.list(purpose="fine-tune").data) == before + 1


def test_a_delay_outlasts_an_impatient_client(client: openai.OpenAI, trainer: TrainerProcess) -> None:
    trainer.control.fault("delay", "/models$", delay_s=5)
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.2).models.list()
    assert client.models.list().data


def test_a_stream_cut_in_the_middle_breaks_the_connection(
    client: openai.OpenAI, trainer: TrainerProcess
) -> None:
    trainer.control.fault("cut_stream", "/chat/completions", chunks=3)
    stream = iter(chat(client, stream=True))  # type: ignore[call-overload]
    for _ in range(3):
        next(stream)
    with pytest.raises(openai.APIConnectionError):
        next(stream)
    assert len(list(chat(client, stream=True))) > 5  # type: ignore[call-overload]


def test_a_garbage_chunk_breaks_the_parsing(client: openai.OpenAI, trainer: TrainerProcess) -> None:
    trainer.control.fault("garbage_chunk", "/chat/completions", chunks=2)
    with pytest.raises(ValueError, match="property name"):
        list(chat(client, stream=True))  # type: ignore[call-overload]


@pytest.mark.parametrize("stream", [False, True])
def test_usage_can_be_missing(client: openai.OpenAI, trainer: TrainerProcess, stream: bool) -> None:
    trainer.control.fault("no_usage", "/chat/completions")
    if stream:
        chunks = list(chat(client, stream=True, stream_options={"include_usage": True}))  # type: ignore[call-overload]
        assert all(chunk.usage is None for chunk in chunks)
    else:
        assert chat(client).usage is None  # type: ignore[attr-defined]


def test_a_job_can_show_a_status_nobody_knows(client: openai.OpenAI, trainer: TrainerProcess) -> None:
    job = run_job(client)
    trainer.control.fault("job_status", f"/jobs/{job.id}$", status_name="under_review")
    assert str(client.fine_tuning.jobs.retrieve(job.id).status) == "under_review"
    assert client.fine_tuning.jobs.retrieve(job.id).status == "succeeded"


def test_a_rule_may_let_requests_pass_first(client: openai.OpenAI, trainer: TrainerProcess) -> None:
    trainer.control.fault("status", "/models$", skip=1, times=None, status=503)
    assert client.models.list().data
    for _ in range(3):
        with pytest.raises(openai.InternalServerError):
            client.models.list()
    trainer.control.clear_faults()
    assert client.models.list().data


def test_a_body_of_any_kind_can_be_answered(client: openai.OpenAI, trainer: TrainerProcess) -> None:
    trainer.control.fault("status", "/models$", status=502, body="<html>bad gateway</html>")
    with pytest.raises(openai.InternalServerError) as caught:
        client.models.list()
    assert caught.value.response.text == "<html>bad gateway</html>"


def test_requests_are_counted_by_method_and_path(client: openai.OpenAI, trainer: TrainerProcess) -> None:
    trainer.control.forget_requests()
    file_id = upload(client)
    client.files.retrieve(file_id)
    client.files.retrieve(file_id)
    assert trainer.control.requests() == {"POST /v1/files": 1, f"GET /v1/files/{file_id}": 2}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"rules": [{"kind": "earthquake"}]}),
        ("faults", {"rules": [{"kind": "status", "path": "("}]}),
        ("faults", {"rules": [{"kind": "status", "speling": 1}]}),
        ("clock", {"mode": "sundial"}),
        ("webhooks", {"copies": 0}),
        ("limits", {"jobs_per_day": {"m": -1}}),
        ("models/m", {"shutdown_date": "soon"}),
    ],
)
def test_a_wrong_script_is_refused(trainer: TrainerProcess, path: str, body: object) -> None:
    with pytest.raises(httpx2.HTTPStatusError, match="400"):
        trainer.control.call("PUT", path, body)


def test_a_real_clock_cannot_be_advanced(trainer: TrainerProcess) -> None:
    with pytest.raises(httpx2.HTTPStatusError, match="400"):
        trainer.control.advance(1)


def test_control_is_not_there_unless_asked_for(start_trainer: Callable[..., TrainerProcess]) -> None:
    trainer = start_trainer(control=False)
    with pytest.raises(httpx2.HTTPStatusError, match="404"):
        trainer.control.requests()
    with make_client(trainer) as client:
        assert client.models.list().data


def test_streams_can_be_paced_and_lengthened(client: openai.OpenAI, trainer: TrainerProcess) -> None:
    trainer.control.answers(chunks=50, chunk_interval_s=0.001)
    chunks = list(chat(client, stream=True))  # type: ignore[call-overload]
    assert sum(bool(chunk.choices[0].delta.content) for chunk in chunks) == 50


def test_an_answer_can_come_late_though_the_work_is_done(
    client: openai.OpenAI, trainer: TrainerProcess
) -> None:
    trainer.control.fault("answer_late", "/fine_tuning/jobs$", "POST", delay_s=5)
    with pytest.raises(openai.APITimeoutError):
        create_job(client.with_options(timeout=0.5), metadata={"mark": "late"})
    assert len(client.fine_tuning.jobs.list(metadata={"mark": "late"}).data) == 1
