"""Fair turns between teams, in the model and over HTTP while one team's requests wait for a locked row."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from service.app.edge.turns import Turns
from service.core.http.in_flight import InFlight
from service.errors import RateLimited
from tests.attacks.raw import ask, head, many
from tests.support.clean import dsn
from tests.support.service import Service
from tests.support.waiting import wait_until

CHAT = "/v1/chat/completions"


def test_a_team_alone_leaves_room_for_another() -> None:
    async def story() -> None:
        turns = Turns(4)
        crowd = [asyncio.create_task(turns.take("loud")) for _ in range(10)]
        await asyncio.sleep(0)
        assert sum(task.done() for task in crowd) == 2

        await asyncio.wait_for(turns.take("quiet"), 1)
        for task in crowd:
            task.cancel()

    asyncio.run(story())


def test_the_team_with_the_fewest_running_is_next() -> None:
    async def story() -> None:
        turns = Turns(2)
        order: list[str] = []

        async def run(team: str) -> None:
            await turns.take(team)
            order.append(team)
            await asyncio.sleep(0)
            turns.give_back(team)

        await asyncio.gather(*(run(team) for team in ["a"] * 9 + ["b", "c", "b", "c"]))
        assert {"b", "c"} <= set(order[:4])
        assert order[8:] == ["a"] * 5

    asyncio.run(story())


def test_a_request_that_is_given_up_passes_its_turn_on() -> None:
    async def story() -> None:
        turns = Turns(1)
        await turns.take("a")
        given_up, patient = (asyncio.create_task(turns.take(team)) for team in ("b", "c"))
        await asyncio.sleep(0)
        turns.give_back("a")  # to b, who is cancelled before it could run
        given_up.cancel()
        await asyncio.wait_for(patient, 1)

    asyncio.run(story())


def test_requests_in_flight_are_bounded_for_each_team() -> None:
    counts = InFlight()
    with counts.entered("a", 1), counts.entered("b", 1), pytest.raises(RateLimited), counts.entered("a", 1):
        pass
    with counts.entered("a", 1):
        pass


def test_inference_and_other_requests_share_one_quota(service: Service) -> None:
    team, other = service.make_team(budget_usd="5.00"), service.make_team(budget_usd="5.00")
    service.admin.put(f"/v1/teams/{team.id}/quotas", json={"requests_in_flight": 2}).raise_for_status()
    half_sent = head("POST", CHAT, "content-length: 1000", key=team.key) + b"{"

    def is_refused(path: str, key: str) -> bool:
        answer = ask(service.url, head("POST", path, "content-length: 2", key=key) + b"{}")
        return answer.status == 429 and answer.error["code"] == "too_many_requests_in_flight"

    with many(service.url, 2, half_sent):
        wait_until(lambda: is_refused(CHAT, team.key))
        assert is_refused("/v1/fine_tuning/estimates", team.key)
        assert not is_refused(CHAT, other.key)
    wait_until(lambda: not is_refused(CHAT, team.key))
    assert team.http.get("/v1/me").json()["quotas"]["requests_in_flight"]["limit"] == 2


def test_a_team_whose_requests_are_stuck_stops_no_other(service: Service, service_database: str) -> None:
    stuck, other = service.make_team(budget_usd="5.00"), service.make_team(budget_usd="5.00")
    files = [stuck.sdk.files.create(file=(f"{n}.jsonl", b"{}\n"), purpose="fine-tune").id for n in range(60)]
    with (
        psycopg.connect(dsn(service_database)) as blocker,
        ThreadPoolExecutor(60) as pool,
    ):
        blocker.execute("SELECT 1 FROM files FOR UPDATE")
        waiting = [pool.submit(stuck.http.delete, f"/v1/files/{file}") for file in files]
        wait_until(lambda: _blocked(service_database) >= 10)

        for _ in range(20):
            assert other.http.get("/v1/files").status_code == 200
        made = other.http.post("/v1/fine_tuning/estimates", json={})
        assert made.status_code == 400
        assert not any(request.done() for request in waiting)

        blocker.rollback()
        assert {request.result().status_code for request in waiting} == {200}


def _blocked(database: str) -> int:
    with psycopg.connect(dsn(database)) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        ).fetchone()
    return int(row[0]) if row else 0
