"""Archiving a team lets its jobs finish or cancels them, as asked; nothing new starts for it."""

import pytest

from service.core.db import transaction
from service.errors import Conflict
from service.jobs.archiving import cancel_left_jobs
from service.ledger.queries import held_for
from service.teams.actions import LeftJobs, archive_team
from service.teams.queries import get_team
from tests.jobs import hands
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("configure")


def archive(team_id: str, jobs: LeftJobs) -> None:
    """Archive a team, and do the chore that follows."""
    with transaction() as session:
        archive_team(session, get_team(session, team_id), jobs)
    with transaction() as session:
        cancel_left_jobs(session, 100)


def run_to_end(job_id: str) -> str:
    """The status that a job ends with."""

    def has_ended() -> bool:
        hands.make_due()
        hands.run_due()
        return hands.look(job_id).has_ended

    wait_until(has_ended)
    return hands.look(job_id).status


def test_jobs_are_cancelled_at_the_provider_and_before_they_are_sent(calm: TrainerProcess) -> None:
    team, other = hands.make_team(), hands.make_team()
    file_id = hands.make_file(team)
    sent, unsent = (hands.make_job(team, file_id) for _ in range(2))
    kept = hands.make_job(other, hands.make_file(other))
    while hands.look(sent).provider_job_id is None:
        hands.run_due()
        hands.step(sent)
    archive(team, LeftJobs.CANCEL)
    assert (run_to_end(sent), run_to_end(unsent)) == ("cancelled", "cancelled")
    assert not hands.look(kept).has_ended
    with transaction() as session:
        assert (held_for(session, team, sent), held_for(session, team, unsent)) == (0, 0)


def test_jobs_finish_and_no_new_one_is_created(trainer: TrainerProcess) -> None:
    team = hands.make_team()
    file_id = hands.make_file(team)
    job_id = hands.make_job(team, file_id)
    archive(team, LeftJobs.FINISH)
    with pytest.raises(Conflict) as refused:
        hands.make_job(team, file_id)
    assert refused.value.error_code == "team_archived"
    assert run_to_end(job_id) == "succeeded"
