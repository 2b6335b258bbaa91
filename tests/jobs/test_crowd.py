"""Many writes that meet on one row: each is answered, and the api lives on."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.jobs.story import BASE, upload
from tests.support.service import Service

CROWD = 80


@pytest.mark.usefixtures("worker")
def test_more_creates_at_once_than_the_api_has_threads_are_all_answered(service: Service) -> None:
    team = service.make_team(budget_usd="0.20")
    body = {"model": BASE, "training_file": upload(team.sdk).id, "hyperparameters": {"n_epochs": 50}}
    with ThreadPoolExecutor(CROWD) as crowd:
        answers = list(
            crowd.map(lambda _: team.http.post("/v1/fine_tuning/jobs", json=body).status_code, range(CROWD))
        )
    assert set(answers) == {200, 429}
    assert service.http(None).get("/healthz").status_code == 200
