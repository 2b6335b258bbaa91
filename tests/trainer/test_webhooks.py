"""Signed webhooks about jobs that ended."""

from collections.abc import Iterator

import openai
import pytest

from tests.support.trainer_process import WEBHOOK_SECRET, TrainerProcess
from tests.support.waiting import wait_until
from tests.support.webhook_receiver import Answer, Received, Receiver, receiver
from tests.trainer.examples import chat_file
from tests.trainer.steps import create_job, run_job


@pytest.fixture
def inbox(trainer: TrainerProcess) -> Iterator[Receiver]:
    """A receiver that the trainer calls."""
    with receiver() as running:
        trainer.control.webhooks(url=running.url)
        yield running
        trainer.control.webhooks(mode="off")


def unwrap(client: openai.OpenAI, request: Received) -> tuple[str, str]:
    event = client.webhooks.unwrap(request.body, request.headers, secret=WEBHOOK_SECRET)
    return event.type, event.data.id  # type: ignore[union-attr]


def test_each_end_of_a_job_is_told_with_a_signature(client: openai.OpenAI, inbox: Receiver) -> None:
    good = run_job(client)
    bad = run_job(client, chat_file(3))
    stopped = create_job(client)
    client.fine_tuning.jobs.cancel(stopped.id)
    told = {unwrap(client, request) for request in inbox.wait_for(3)}
    assert told == {
        ("fine_tuning.job.succeeded", good.id),
        ("fine_tuning.job.failed", bad.id),
        ("fine_tuning.job.cancelled", stopped.id),
    }


def test_a_webhook_is_repeated_with_the_same_id_until_it_is_taken(
    client: openai.OpenAI, inbox: Receiver
) -> None:
    inbox.answers.extend([Answer(500), Answer(302, headers={"location": inbox.url}), Answer(204)])
    run_job(client)
    requests = inbox.wait_for(3)
    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert {unwrap(client, request)[0] for request in requests} == {"fine_tuning.job.succeeded"}


def test_a_webhook_survives_a_dead_receiver_and_a_killed_trainer(
    client: openai.OpenAI, trainer: TrainerProcess, inbox: Receiver
) -> None:
    with receiver() as gone:
        dead_url = gone.url
    trainer.control.webhooks(url=dead_url)
    job = run_job(client)
    wait_until(lambda: any(d["attempts"] and job.id in d["body"] for d in trainer.control.deliveries()))
    trainer.kill()
    trainer.start()
    trainer.control.webhooks(url=inbox.url)
    assert unwrap(client, inbox.wait_for(1)[0]) == ("fine_tuning.job.succeeded", job.id)


def test_webhooks_can_be_doubled_and_silenced(
    client: openai.OpenAI, trainer: TrainerProcess, inbox: Receiver
) -> None:
    trainer.control.webhooks(url=inbox.url, copies=3)
    job = run_job(client)
    requests = inbox.wait_for(3)
    assert {unwrap(client, request)[1] for request in requests} == {job.id}
    assert len({request.headers["webhook-id"] for request in requests}) == 1
    trainer.control.webhooks(mode="off")
    silent = run_job(client)
    assert not any(silent.id in delivery["body"] for delivery in trainer.control.deliveries())


def test_webhooks_can_come_late_and_newest_first(
    client: openai.OpenAI, trainer: TrainerProcess, inbox: Receiver
) -> None:
    trainer.control.webhooks(url=inbox.url, delay_s=1.0, reorder=True)
    jobs = [run_job(client).id for _ in range(2)]
    assert inbox.requests == []
    requests = inbox.wait_for(2)
    assert {unwrap(client, request)[1] for request in requests} == set(jobs)
