"""A real job's log as its listeners hear it: the list, the stream and webhooks agree."""

import json
from typing import Any

import pytest

from tests.jobs.story import BASE, start, upload, wait_for_end
from tests.support.processes import Worker
from tests.support.service import Service, TeamHandle
from tests.support.webhook_receiver import receiver


def stream(team: TeamHandle, job_id: str, last_event_id: int = 0) -> list[dict[str, Any]]:
    """Every event of a job that the stream sends until it ends."""
    headers = {"Last-Event-ID": str(last_event_id)}
    path = f"/v1/fine_tuning/jobs/{job_id}/events?stream=true"
    with team.http.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200
        data = [line.removeprefix("data: ") for line in response.iter_lines() if line.startswith("data: ")]
    assert data.pop() == "[DONE]"
    return [json.loads(event) for event in data]


def test_the_stream_tells_the_whole_log_in_order_and_resumes(service: Service, worker: Worker) -> None:
    team = service.make_team()
    job_id = start(team.sdk).id
    told = stream(team, job_id)
    assert [event["number"] for event in told] == list(range(1, len(told) + 1))
    listed = team.http.get(f"/v1/fine_tuning/jobs/{job_id}/events?limit=100").json()["data"]
    assert told == listed[::-1]
    assert stream(team, job_id, last_event_id=2) == told[2:]


def test_another_team_cannot_listen(service: Service, worker: Worker) -> None:
    team, other = service.make_team(), service.make_team()
    job_id = start(team.sdk).id
    answer = other.http.get(f"/v1/fine_tuning/jobs/{job_id}/events?stream=true")
    assert answer.status_code == 404
    wait_for_end(team.sdk, job_id)


@pytest.mark.usefixtures("worker")
def test_webhooks_tell_of_the_job_and_its_file(service: Service) -> None:
    team = service.make_team()
    wanted = ["file.processed", "fine_tuning.job.succeeded", "model.created"]
    with receiver() as target:
        body = {"name": "ci", "url": target.url, "event_types": wanted}
        secret = team.http.post("/v1/webhook_endpoints", json=body).json()["signing_secret"]
        file_id = upload(team.sdk).id
        job = wait_for_end(team.sdk, team.sdk.fine_tuning.jobs.create(model=BASE, training_file=file_id).id)
        told = {}
        for request in target.wait_for(len(wanted)):
            event: Any = team.sdk.webhooks.unwrap(request.body, request.headers, secret=secret)
            told[event.type] = event.data.id
    assert told == {
        "file.processed": file_id,
        "fine_tuning.job.succeeded": job.id,
        "model.created": job.fine_tuned_model,
    }
