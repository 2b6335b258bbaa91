"""What every answer has in common: the key, the headers, the one error shape."""

import httpx2
import openai
import pytest

from tests.support.plain import NO_CERTIFICATES
from tests.support.trainer_process import TrainerProcess
from tests.trainer.raw import announce
from tests.trainer.steps import run_job


def call(trainer: TrainerProcess, method: str, path: str, **options: object) -> httpx2.Response:
    headers = {"authorization": f"Bearer {trainer.api_key}", **options.pop("headers", {})}  # type: ignore[dict-item]
    return httpx2.request(method, trainer.root_url + path, headers=headers, verify=NO_CERTIFICATES, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["Bearer", "Bearer wrong", "Basic abc", "Bearer ключ", "x"])
@pytest.mark.parametrize("path", ["/v1/models", "/v1/nothing", "/control/clock"])
def test_without_the_key_there_is_nothing_to_see(trainer: TrainerProcess, key: str, path: str) -> None:
    response = httpx2.get(
        trainer.root_url + path, headers={b"authorization": key.encode()}, verify=NO_CERTIFICATES
    )
    assert response.status_code == 401
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_answers_carry_openais_headers(client: openai.OpenAI) -> None:
    response = client.models.with_raw_response.list()
    assert response.headers["x-request-id"].startswith("req_")
    assert response.headers["openai-version"] == "2020-10-01"
    assert response.headers["openai-organization"] == "org-sandbox"
    assert int(response.headers["openai-processing-ms"]) >= 0
    assert int(response.headers["x-ratelimit-remaining-requests"]) > 0


def test_an_unknown_route_and_a_wrong_method_have_the_error_shape(trainer: TrainerProcess) -> None:
    for method, path, status in [("GET", "/v1/none", 404), ("PUT", "/v1/models", 405), ("GET", "/", 404)]:
        response = call(trainer, method, path)
        assert response.status_code == status
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b'"x"', b'{"model": "\xff"}', b"[" * 100_000])
@pytest.mark.parametrize(
    "path",
    ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/fine_tuning/jobs", "/v1/uploads"],
)
def test_a_body_that_is_no_json_object_is_a_bad_request(
    trainer: TrainerProcess, path: str, body: bytes
) -> None:
    response = call(trainer, "POST", path, content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_a_body_over_the_limit_is_refused(trainer: TrainerProcess) -> None:
    assert announce(trainer, "/v1/chat/completions", 10**9)[0] == 413


def test_a_body_over_the_limit_without_a_length_is_refused(trainer: TrainerProcess) -> None:
    def pieces() -> object:
        for _ in range(40):
            yield b" " * 2**20

    response = call(trainer, "POST", "/v1/chat/completions", content=pieces())
    assert response.status_code == 413


@pytest.mark.parametrize("limit", ["0", "-1", "x", "99999999999", "1.5", "١"])
def test_a_bad_limit_is_refused(trainer: TrainerProcess, limit: str) -> None:
    for path in ("/v1/files", "/v1/fine_tuning/jobs"):
        response = call(trainer, "GET", path, params={"limit": limit})
        assert response.status_code == 400
        assert response.json()["error"]["param"] == "limit"


def test_an_unknown_cursor_is_refused(client: openai.OpenAI) -> None:
    job = run_job(client)
    with pytest.raises(openai.BadRequestError) as caught:
        client.fine_tuning.jobs.list_events(job.id, after="ftevent-nothere")
    assert caught.value.param == "after"


def test_health_needs_no_key(trainer: TrainerProcess) -> None:
    assert httpx2.get(f"{trainer.root_url}/healthz").json() == {"status": "ok"}
