"""A provider job is created at most once per job of ours, whatever breaks in between."""

from pathlib import Path

import pytest
from openai import OpenAI

from tests.jobs.story import start, upload, wait_for_end
from tests.support.processes import Worker
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

CREATE = {"method": "POST", "path": "/v1/fine_tuning/jobs"}


def provider_jobs(upstream: OpenAI, job_id: str) -> list[str]:
    return [job.id for job in upstream.fine_tuning.jobs.list(metadata={"tunehouse_job": job_id}, limit=100)]


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
@pytest.mark.usefixtures("worker")
def test_a_lost_answer_leaves_one_provider_job(
    service: Service, trainer: TrainerProcess, upstream: OpenAI, kind: str
) -> None:
    sdk = service.make_team().sdk
    file = upload(sdk)
    trainer.control.fault(kind, **CREATE)
    job = start(sdk, training_file=file.id)
    assert wait_for_end(sdk, job.id).status == "succeeded"
    assert len(provider_jobs(upstream, job.id)) == 1


@pytest.mark.usefixtures("worker")
def test_a_server_error_on_create_is_looked_into_before_anything_is_sent_again(
    service: Service, trainer: TrainerProcess, upstream: OpenAI
) -> None:
    sdk = service.make_team().sdk
    file = upload(sdk)
    trainer.control.fault("status", status=500, **CREATE)
    job = start(sdk, training_file=file.id)
    assert wait_for_end(sdk, job.id).status == "succeeded"
    assert len(provider_jobs(upstream, job.id)) == 1


def test_a_worker_killed_between_create_and_record_leaves_one_provider_job(
    service: Service,
    trainer: TrainerProcess,
    upstream: OpenAI,
    providers_environment: dict[str, str],
    folder: Path,
) -> None:
    sdk = service.make_team().sdk
    doomed = Worker(providers_environment | {"TUNEHOUSE_LEASE_S": "3"}, folder)
    doomed.start()
    file = upload(sdk)
    # The job exists at the provider, and the worker waits for the answer: that is the moment.
    trainer.control.fault("answer_late", delay_s=20, **CREATE)
    job = start(sdk, training_file=file.id)
    wait_until(lambda: provider_jobs(upstream, job.id))
    doomed.kill()
    heir = Worker(providers_environment, folder)
    heir.start()
    assert wait_for_end(sdk, job.id).status == "succeeded"
    assert len(provider_jobs(upstream, job.id)) == 1
    heir.stop()
