"""The team's own create whose answer is lost on the way back, retried by the stock SDK."""

import pytest

from tests.jobs.story import BASE, upload, wait_for_end
from tests.support.lossy_proxy import lossy_proxy
from tests.support.processes import Api
from tests.support.service import Service, TeamHandle

pytestmark = pytest.mark.usefixtures("worker")


def is_create(request: bytes) -> bool:
    return request.startswith(b"POST /v1/fine_tuning/jobs ")


def jobs_of(team: TeamHandle) -> list[str]:
    return [job.id for job in team.sdk.fine_tuning.jobs.list(limit=100)]


def test_a_create_with_an_idempotency_key_is_retried_into_one_job(service: Service, api_process: Api) -> None:
    team = service.make_team(budget_usd="5.00")
    file = upload(team.sdk)
    with lossy_proxy(api_process.port) as proxy:
        client = team.sdk.with_options(base_url=f"http://127.0.0.1:{proxy.port}/v1", max_retries=4)
        proxy.lose(2, is_create)
        job = client.fine_tuning.jobs.create(
            model=BASE, training_file=file.id, extra_headers={"Idempotency-Key": "train-tea-1"}
        )
    assert proxy.lost == 2
    assert jobs_of(team) == [job.id]
    assert wait_for_end(team.sdk, job.id).status == "succeeded"


def test_a_retry_without_a_key_ends_in_one_job(service: Service, api_process: Api) -> None:
    team = service.make_team(budget_usd="5.00")
    file = upload(team.sdk)
    with lossy_proxy(api_process.port) as proxy:
        client = team.sdk.with_options(base_url=f"http://127.0.0.1:{proxy.port}/v1", max_retries=4)
        proxy.lose(2, is_create)
        job = client.fine_tuning.jobs.create(model=BASE, training_file=file.id)
    assert proxy.lost == 2
    assert jobs_of(team) == [job.id]
    assert wait_for_end(team.sdk, job.id).status == "succeeded"


def test_two_creates_of_the_same_body_are_two_jobs(service: Service) -> None:
    team = service.make_team()
    file = upload(team.sdk)
    made = {team.sdk.fine_tuning.jobs.create(model=BASE, training_file=file.id).id for _ in range(2)}
    assert len(made) == 2
    for job_id in made:
        wait_for_end(team.sdk, job_id)


def test_a_retry_under_a_key_of_its_own_is_not_taken_for_an_earlier_job(service: Service) -> None:
    team = service.make_team()
    body = {"model": BASE, "training_file": upload(team.sdk).id}

    def create(key: str, attempt: int) -> str:
        headers = {"Idempotency-Key": key, "x-stainless-retry-count": str(attempt)}
        made: str = team.http.post("/v1/fine_tuning/jobs", json=body, headers=headers).json()["id"]
        return made

    first, second = create("one", 0), create("two", 1)
    assert first != second
    for job_id in (first, second):
        wait_for_end(team.sdk, job_id)
