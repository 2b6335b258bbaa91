"""Rate limits, bounds and circuits; each with an api process of its own."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from tests.gateway.conftest import StartApi
from tests.gateway.rows import entries_of, holds_left
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

MODEL = "sandbox-mini"
MESSAGES = [{"role": "user", "content": "Hello"}]
PATH = "chat/completions"


def test_requests_beyond_the_limit_are_told_when_to_come_back(start_api: StartApi) -> None:
    _, service = start_api(key_requests_per_minute="3")
    team = service.make_team()
    raw = team.sdk.chat.completions.with_raw_response
    remaining = [
        raw.create(model=MODEL, messages=MESSAGES).headers["x-ratelimit-remaining-requests"] for _ in range(3)
    ]
    assert remaining == ["2", "1", "0"]
    with pytest.raises(openai.RateLimitError) as refused:
        raw.create(model=MODEL, messages=MESSAGES)
    assert refused.value.code == "rate_limit_exceeded"
    headers = refused.value.response.headers
    assert 1 <= int(headers["retry-after"]) <= 20
    assert headers["x-ratelimit-limit-requests"] == "3"
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert headers["x-ratelimit-reset-requests"].endswith("s")
    assert len({row.subject_id for row in entries_of(team.id)}) == 3


def test_a_team_and_a_key_can_have_limits_of_their_own(service: Service) -> None:
    team = service.make_team()
    (key,) = service.admin.get(f"/v1/teams/{team.id}/keys").json()["data"]
    of_team, of_key = f"/v1/teams/{team.id}/rate_limits", f"/v1/teams/{team.id}/keys/{key['id']}/rate_limits"
    assert service.admin.put(of_team, json={"tokens_per_minute": 5000}).json()["tokens_per_minute"] == 5000
    assert service.admin.put(of_key, json={"requests_per_minute": 1}).json()["requests_per_minute"] == 1
    assert team.http.put(of_team, json={"requests_per_minute": 9}).status_code == 403
    assert team.http.get(of_team).json()["tokens_per_minute"] == 5000
    raw = team.sdk.chat.completions.with_raw_response
    headers = raw.create(model=MODEL, messages=MESSAGES).headers
    assert headers["x-ratelimit-limit-requests"] == "1"
    assert headers["x-ratelimit-limit-tokens"] == "5000"
    with pytest.raises(openai.RateLimitError):
        raw.create(model=MODEL, messages=MESSAGES)


def test_two_processes_share_one_limit(start_api: StartApi) -> None:
    (_, one), (_, two) = (start_api(team_requests_per_minute="4") for _ in range(2))
    team = one.make_team()
    through_two = two.sdk(team.key)
    passed = 0
    for sdk in (team.sdk, through_two) * 4:
        try:
            sdk.chat.completions.create(model=MODEL, messages=MESSAGES)
            passed += 1
        except openai.RateLimitError:
            pass
    assert passed == 4


def test_tokens_are_counted_as_used_not_as_reserved(start_api: StartApi) -> None:
    _, service = start_api(key_tokens_per_minute="3000")
    team = service.make_team()
    raw = team.sdk.chat.completions.with_raw_response
    for _ in range(6):  # six times the 1,024 that are reserved would not fit
        headers = raw.create(model=MODEL, messages=MESSAGES).headers
        assert headers["x-ratelimit-limit-tokens"] == "3000"


def test_without_valkey_requests_pass(start_api: StartApi) -> None:
    _, service = start_api(key_requests_per_minute="1", redis_url="redis://127.0.0.1:1/0")
    team = service.make_team()
    for _ in range(3):
        assert team.sdk.chat.completions.create(model=MODEL, messages=MESSAGES).choices


def test_a_full_provider_is_a_503_at_once(
    start_api: StartApi, trainer: TrainerProcess, providers_environment: dict[str, str]
) -> None:
    providers = json.loads(providers_environment["TUNEHOUSE_PROVIDERS"])
    _, service = start_api(providers=json.dumps([one | {"max_concurrency": 2} for one in providers]))
    team = service.make_team()
    trainer.control.answers(latency_s=2)

    def ask(_: int) -> int:
        answer = team.http.post("/v1/chat/completions", json={"model": MODEL, "messages": MESSAGES})
        if answer.status_code == 503:
            assert answer.json()["error"]["code"] == "provider_busy"
            assert answer.headers["retry-after"] == "1"
        return answer.status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(ask, range(6))) == [200, 200, 503, 503, 503, 503]
    assert not holds_left(team.id)


def test_a_provider_that_keeps_failing_is_left_alone_and_tried_again(
    start_api: StartApi, trainer: TrainerProcess
) -> None:
    _, service = start_api()
    team = service.make_team()
    trainer.control.fault("status", PATH, status=500, times=5)
    body = {"model": MODEL, "messages": MESSAGES}
    statuses = [team.http.post("/v1/chat/completions", json=body).status_code for _ in range(7)]
    assert statuses == [500] * 5 + [503] * 2
    circuits = {one["circuit"] for one in team.http.get("/v1/providers").json()["data"]}
    assert circuits & {"open", "half_open"}
    metrics = team.http.get("/metrics").text
    assert 'tunehouse_inference_requests_total{endpoint="chat/completions",status="503"} 2.0' in metrics
    assert "tunehouse_inference_circuit_open{" in metrics
    wait_until(lambda: team.http.post("/v1/chat/completions", json=body).status_code == 200)


def test_a_revoked_key_stops_within_three_seconds(service: Service) -> None:
    team = service.make_team()
    assert team.sdk.chat.completions.create(model=MODEL, messages=MESSAGES).choices
    (key,) = service.admin.get(f"/v1/teams/{team.id}/keys").json()["data"]
    assert service.admin.delete(f"/v1/teams/{team.id}/keys/{key['id']}").status_code == 200
    revoked_at = time.monotonic()

    def is_refused() -> bool:
        body = {"model": MODEL, "messages": MESSAGES}
        return team.http.post("/v1/chat/completions", json=body).status_code == 401

    wait_until(is_refused)
    assert time.monotonic() - revoked_at < 3
