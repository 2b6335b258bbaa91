"""The queue before a provider's limits, step by step."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from service.core import clock
from service.core.db import transaction
from service.jobs import order
from service.jobs.order import QueueName
from service.jobs.queue import places
from service.jobs.tables import Job
from tests.jobs import hands
from tests.jobs.conftest import Configure
from tests.support.trainer_process import TrainerProcess

MODEL = "gpt-4o-mini-2024-07-18"


def sent(*job_ids: str) -> list[bool]:
    return [hands.look(job_id).provider_job_id is not None for job_id in job_ids]


def positions(*job_ids: str) -> list[int | None]:
    with transaction() as session:
        found = places(session, [session.get_one(Job, job_id) for job_id in job_ids])
    return [found[job_id].position if job_id in found else None for job_id in job_ids]


def end(calm: TrainerProcess, job_id: str) -> None:
    """Let one job end, by cancelling it."""
    hands.ask(job_id, "cancel")
    hands.run_due()
    assert hands.look(job_id).status == "cancelled"


def test_teams_take_turns_however_many_jobs_one_has_sent_before(
    configure: Configure, calm: TrainerProcess
) -> None:
    configure(job_limits={MODEL: {"concurrent": 1}})
    eager, late = hands.make_team(), hands.make_team()
    data, other_data = hands.make_file(eager), hands.make_file(late)
    first, second, third = (hands.make_job(eager, data, MODEL) for _ in range(3))
    hands.run_due()
    newcomer = hands.make_job(late, other_data, MODEL)
    hands.run_due()
    assert sent(first, second, third, newcomer) == [True, False, False, False]
    assert hands.look(second).status == "queued"
    assert positions(first, newcomer, second, third) == [None, 1, 2, 3]
    end(calm, first)
    assert sent(newcomer, second, third) == [True, False, False]
    end(calm, newcomer)
    assert sent(second, third) == [True, False]


def test_within_a_team_the_higher_priority_goes_first(configure: Configure, calm: TrainerProcess) -> None:
    configure(job_limits={"*": {"concurrent": 1}})
    team = hands.make_team()
    data = hands.make_file(team)
    running = hands.make_job(team, data, MODEL)
    hands.run_due()
    usual = hands.make_job(team, data, MODEL)
    urgent = hands.make_job(team, data, MODEL, tunehouse={"priority": 10})
    hands.run_due()
    assert positions(urgent, usual) == [1, 2]
    end(calm, running)
    assert sent(urgent, usual) == [True, False]


def test_a_waiting_job_is_cancelled_at_once_and_gives_its_place_up(
    configure: Configure, calm: TrainerProcess
) -> None:
    configure(job_limits={"*": {"concurrent": 1}})
    team = hands.make_team()
    data = hands.make_file(team)
    running, waiting, last = (hands.make_job(team, data, MODEL) for _ in range(3))
    hands.run_due()
    hands.ask(waiting, "cancel")
    assert hands.look(waiting).status == "cancelled"
    end(calm, running)
    assert sent(last) == [True]


def test_a_limit_per_day_is_kept_to(configure: Configure, calm: TrainerProcess) -> None:
    configure(job_limits={"*": {"per_day": 2}})
    team = hands.make_team()
    data = hands.make_file(team)
    jobs = [hands.make_job(team, data, MODEL) for _ in range(3)]
    hands.run_due()
    assert sent(*jobs) == [True, True, False]
    with transaction() as session:
        session.get_one(Job, jobs[0]).intended_at = clock.now() - timedelta(hours=25)
    hands.step(jobs[2])
    assert sent(jobs[2]) == [True]


def test_the_start_is_guessed_from_how_long_such_jobs_took(
    configure: Configure, calm: TrainerProcess
) -> None:
    configure(job_limits={"*": {"concurrent": 1}})
    team = hands.make_team()
    data = hands.make_file(team)
    past, running, waiting = (hands.make_job(team, data, MODEL) for _ in range(3))
    hands.run_due()
    end(calm, past)
    with transaction() as session:
        ended = session.get_one(Job, past)
        assert ended.intended_at is not None
        ended.finished_at = ended.intended_at + timedelta(hours=2)
    with transaction() as session:
        place = places(session, [session.get_one(Job, waiting)])[waiting]
    assert sent(running) == [True]
    assert place.reason == "turn"
    assert place.starts_at is not None
    assert timedelta(minutes=119) < place.starts_at - clock.now() <= timedelta(hours=2)


_CROWD = """
    INSERT INTO jobs (id, team_id, key_id, model, base_model, provider, provider_model, method_type, method,
        training_file, integrations, status, price_id, result_files, priority, queued_at, intended_at,
        created_at, changed_at)
    SELECT 'ftjob-' || n, (CAST(:teams AS text[]))[1 + n * n % 4], 'key_q', :model, :model, 'openai', :model,
        'supervised', '{}', :file, '[]', 'queued', 'price_q', '{}', n / 7 % 3, at,
        CASE WHEN n % 4 = 1 AND n % 9 = 0 THEN at END, at, at
    FROM generate_series(1, 80) n, LATERAL (SELECT now() - (n * 37 % 80) * interval '1 s' AS at) moment
"""


def test_a_position_is_the_place_in_the_order_in_which_jobs_are_sent(
    providers_environment: object, database: str
) -> None:
    teams = [hands.make_team() for _ in range(4)]
    with transaction() as session:
        values = {"teams": teams, "model": MODEL, "file": hands.make_file(teams[0])}
        session.execute(text(_CROWD), values)
        queue = QueueName("openai", MODEL)
        sent_next = order.next_jobs(session, queue, 1000)
        counted = order.positions(session, queue, sent_next)
        assert len(sent_next) > 60
        assert [counted[job] for job in sent_next] == list(range(1, len(sent_next) + 1))
        alone = [order.positions(session, queue, [job]) for job in sent_next]
        assert alone == [{job: place} for place, job in enumerate(sent_next, start=1)]


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_jobs_than_allowed_are_ever_at_the_provider(
    configure: Configure, calm: TrainerProcess, limit: int
) -> None:
    configure(job_limits={"*": {"concurrent": limit}})
    team = hands.make_team()
    data = hands.make_file(team)
    jobs = [hands.make_job(team, data, MODEL) for _ in range(5)]
    hands.run_due()
    assert sum(sent(*jobs)) == limit
