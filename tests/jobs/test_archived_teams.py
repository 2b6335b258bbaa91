"""What an archived team's unfinished jobs do is the admin's choice."""

import pytest

from tests.jobs.story import start
from tests.support.processes import Worker
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until


@pytest.mark.parametrize(("choice", "status"), [("cancel", "cancelled"), ("finish", "succeeded")])
def test_they_are_cancelled_or_finish(
    service: Service, worker: Worker, trainer: TrainerProcess, choice: str, status: str
) -> None:
    team = service.make_team(budget_usd="50")
    trainer.control.stop_clock()
    job = start(team.sdk)
    service.admin.delete(f"/v1/teams/{team.id}", params={"jobs": choice}).raise_for_status()
    if choice == "finish":
        trainer.control.run_clock()

    def reached() -> bool:
        path, acting = f"/v1/fine_tuning/jobs/{job.id}", {"OpenAI-Project": team.id}
        return bool(service.admin.get(path, headers=acting).json()["status"] == status)

    wait_until(reached)
