"""One team's slow receivers hold up nobody else: not their datasets, their requests or their webhooks."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.attacks.conftest import Besieged
from tests.attacks.hostile import Hostile, Peer, hostile
from tests.jobs.story import upload
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
    with silent_receiver() as silent, receiver() as heard, ThreadPoolExecutor(20) as pool:
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
    assert statuses <= {200, 429}
