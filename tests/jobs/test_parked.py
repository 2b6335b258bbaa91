"""A job whose provider was taken out of the settings."""

import json
import os

import pytest
from sqlalchemy import select

from service.core.db import transaction
from service.core.work import WorkItem
from service.events.tables import Event
from service.jobs.kinds import ADVANCE_JOB
from service.settings import settings
from tests.jobs import hands
from tests.jobs.conftest import Configure
from tests.support.trainer_process import TrainerProcess


def test_it_waits_for_the_provider_is_told_so_once_and_then_goes_on(
    configure: Configure, calm: TrainerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure()
    team = hands.make_team()
    job = hands.make_job(team, hands.make_file(team))
    hands.run_due()
    known = os.environ["TUNEHOUSE_PROVIDERS"]
    others = json.dumps([one for one in json.loads(known) if one["name"] != hands.look(job).provider])
    monkeypatch.setitem(os.environ, "TUNEHOUSE_PROVIDERS", others)
    settings.cache_clear()
    for _ in range(2):
        hands.make_due(ADVANCE_JOB, job)
        hands.run_due()
    with transaction() as session:
        item = session.get_one(WorkItem, (ADVANCE_JOB, job))
        assert (item.attempts, item.last_error) == (0, None)
        parked = select(Event).where(Event.subject_id == job, Event.message.contains("not configured"))
        assert len(session.scalars(parked).all()) == 1
    monkeypatch.setitem(os.environ, "TUNEHOUSE_PROVIDERS", known)
    settings.cache_clear()
    calm.control.advance(10_000)
    hands.make_due(ADVANCE_JOB, job)
    hands.run_due()
    assert hands.look(job).status == "succeeded"
