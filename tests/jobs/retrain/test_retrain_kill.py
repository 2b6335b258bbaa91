"""A retrain goes on where its worker was killed, and makes no job twice."""

from pathlib import Path

from openai import OpenAI

from tests.jobs.retrain.test_retrain import ask, ended
from tests.jobs.story import run
from tests.jobs.test_exactly_once import CREATE, provider_jobs
from tests.support.processes import Worker
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until


def test_a_worker_killed_in_the_midst_of_a_retrain_leaves_one_job_per_step(
    service: Service,
    trainer: TrainerProcess,
    upstream: OpenAI,
    providers_environment: dict[str, str],
    folder: Path,
) -> None:
    team = service.make_team()
    doomed = Worker(providers_environment | {"TUNEHOUSE_LEASE_S": "3"}, folder)
    doomed.start()
    second = run(team.sdk, model=run(team.sdk).fine_tuned_model)
    # The second step's job exists at the provider and the worker waits for the answer: that is the moment.
    trainer.control.fault("answer_late", delay_s=20, skip=1, **CREATE)
    begun = ask(team, second.fine_tuned_model, confirm=True)

    def sent() -> bool:
        steps = team.http.get(f"/v1/retrains/{begun['id']}").json()["steps"]
        return bool(steps[1]["job_id"] and provider_jobs(upstream, steps[1]["job_id"]))

    wait_until(sent)
    doomed.kill()
    heir = Worker(providers_environment, folder)
    heir.start()
    done = ended(team, begun["id"])
    heir.stop()
    assert done["status"] == "succeeded", done
    ours = {job.id for job in team.sdk.fine_tuning.jobs.list(limit=100)}
    made = [step["job_id"] for step in done["steps"]]
    repeated = {step["repeats_job"] for step in done["steps"]}
    assert len(ours) == 4 and ours == {*made, *repeated}
    assert [len(provider_jobs(upstream, job_id)) for job_id in made] == [1, 1]
