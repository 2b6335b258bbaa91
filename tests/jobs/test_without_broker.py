"""The broker only speeds work up: without one, a worker finds the work itself."""

import os
from collections.abc import Iterator

import pytest

from service.core.broker import wake
from service.core.db import transaction
from service.jobs.kinds import ADVANCE_JOB, COPY_FILE
from service.ledger.queries import held_for
from service.settings import settings
from tests.jobs import hands
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until
from worker.lanes import Lane
from worker.sweep import Sweeper


@pytest.fixture
def _no_broker(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A broker's address where nobody listens."""
    monkeypatch.setitem(os.environ, "TUNEHOUSE_REDIS_URL", "redis://127.0.0.1:1/0")
    settings.cache_clear()
    wake._producer.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()
    wake._producer.cache_clear()
    wake._away.until = 0.0


@pytest.fixture
def _sweeper(_no_broker: None) -> Iterator[None]:
    """What every worker runs beside its steps, here without a worker."""
    sweeper, lane = Sweeper(), Lane("jobs and copies", {ADVANCE_JOB, COPY_FILE}, threads=4)
    sweeper.start()
    lane.start()
    yield
    lane.stop()
    sweeper.stop()
    sweeper.join()


@pytest.mark.usefixtures("configure", "_sweeper")
def test_a_job_goes_from_create_to_end_without_a_broker(trainer: TrainerProcess) -> None:
    team = hands.make_team()
    job_id = hands.make_job(team, hands.make_file(team))
    wait_until(lambda: hands.look(job_id).has_ended, timeout_s=120)
    assert hands.look(job_id).status == "succeeded"
    with transaction() as session:
        assert held_for(session, team, job_id) == 0


@pytest.mark.usefixtures("configure", "_no_broker")
def test_a_request_does_not_wait_for_a_broker_that_has_just_failed() -> None:
    wake.send("test", "one")
    wake.flush()
    assert wake.is_away()
    assert wake.waiting() is None
