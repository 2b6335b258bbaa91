"""One team's slow receivers hold up nobody else: not their datasets, their requests or their webhooks."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select

from service.core.db import transaction
from service.jobs.tables import Job
from tests.attacks.conftest import Besieged
from tests.attacks.hostile import Hostile, Peer, hostile
from tests.jobs.story import run, upload
from tests.support.service import TeamHandle
from tests.support.waiting import wait_until
from tests.support.webhook_receiver import receiver

TYPE = "file.processed"


@contextmanager
def silent_receiver() -> Iterator[Hostile]:
    """Takes every call and answers none while the block lasts."""

    def hold(peer: Peer) -> None:
        peer.stopped.wait(60)

    with hostile(hold) as server:
        yield server


def test_a_team_of_silent_receivers_leaves_room_for_the_others(besieged: Besieged) -> None:
    slow, quiet = besieged.service.make_team(), besieged.service.make_team()
    with ThreadPoolExecutor(20) as pool:
        with silent_receiver() as silent, receiver() as heard:
            url = f"http://127.0.0.1:{silent.port}/hooks"
            for _ in range(30):
                endpoint = slow.sdk.webhooks.create(name="slow", url=url, event_types=[TYPE])
            upload(slow.sdk)
            path = f"/v1/webhook_endpoints/{endpoint.id}/test"
            tests = [pool.submit(slow.http.post, path, json={"event_type": TYPE}) for _ in range(20)]
            wait_until(lambda: len(silent.asked) >= 4)

            quiet.sdk.webhooks.create(name="quiet", url=heard.url, event_types=[TYPE])
            upload(quiet.sdk)
            heard.wait_for(1)

            # More calls to the silent receiver would mean that one team had more than half of the lane.
            assert len(silent.asked) <= 4
        statuses = {test.result().status_code for test in tests}
    assert statuses <= {200, 400, 429}  # pending, unreachable, too many


@pytest.mark.usefixtures("in_their_database")
def test_a_hundred_jobs_of_a_team_at_a_slow_provider_leave_room_for_anothers_job(
    besieged: Besieged,
) -> None:
    busy, quiet = (besieged.service.make_team(budget_usd="100") for _ in range(2))
    body = {"model": "create-hangs/sandbox-mini", "training_file": upload(busy.sdk).id}
    with ThreadPoolExecutor(4) as pool:
        made = [pool.submit(busy.http.post, "/v1/fine_tuning/jobs", json=body) for _ in range(100)]
        assert {job.result().status_code for job in made} == {200}
    wait_until(lambda: sent_jobs(busy) >= 4)

    run(quiet.sdk, model="decent/sandbox-mini")

    # First come, first served would have sent all of them before.
    assert sent_jobs(busy) < 100
    besieged.service.admin.delete(f"/v1/teams/{busy.id}", params={"jobs": "cancel"}).raise_for_status()


def sent_jobs(team: TeamHandle) -> int:
    """How many jobs of a team were sent to their provider, or are being sent."""
    sent = Job.team_id == team.id, Job.intended_at.is_not(None)
    with transaction() as session:
        return session.scalar(select(func.count()).where(*sent)) or 0
