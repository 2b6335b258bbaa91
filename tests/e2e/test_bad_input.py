"""Every malformed body, id, header, cursor, file and key gets a 4xx in the one error shape."""

import json
import socket
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.e2e.routes import PUBLIC, routes_of
from tests.support.data import chat_file
from tests.support.service import Service, TeamHandle

JOB = {"model": "sandbox-mini", "training_file": "file-none"}
JOBS = "/v1/fine_tuning/jobs"


@pytest.fixture
def team(service: Service) -> TeamHandle:
    return service.make_team(budget_usd="5.00")


def refused(answer: httpx2.Response, status: int | None = None) -> dict[str, Any]:
    """The error of a refusal, after checking its shape."""
    assert 400 <= answer.status_code < 500, f"{answer.request.url}: {answer.status_code} {answer.text}"
    assert status in (None, answer.status_code), answer.text
    body = answer.json()
    assert list(body) == ["error"], body
    error: dict[str, Any] = body["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert error["type"]
    assert answer.headers["x-request-id"].startswith("req_")
    return error


def test_no_route_takes_a_body_that_is_not_json(service: Service) -> None:
    for method, path in writes(service):
        answer = service.admin.request(
            method, filled(path), content=b'{"name": ', headers={"content-type": "application/json"}
        )
        refused(answer)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'"text"',
        b"1e999",
        b"null",
        b"\xff\xfe{}",
        b'{"a":' * 5000,
        b'{"name":"\\ud800","slug":"s","url":"https://example.com"}',
    ],
)
def test_no_route_takes_a_body_of_another_shape(service: Service, body: bytes) -> None:
    for method, path in writes(service):
        answer = service.admin.request(
            method, filled(path), content=body, headers={"content-type": "application/json"}
        )
        # Some writes need no body at all, and their thing does not exist; either way it is told in one shape.
        refused(answer)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": 5}, "model"),
        ({"model": ""}, "model"),
        ({"model": "x" * 300}, "model"),
        ({"model": "no-such-model"}, "model"),
        ({"model": "ft:sandbox-mini:a:b:c"}, "model"),
        ({"model": "sand\x00box"}, "model"),
        ({"training_file": None}, "training_file"),
        ({"training_file": {"id": 1}}, "training_file"),
        ({"training_file": "../../etc/passwd"}, "training_file"),
        ({"suffix": ""}, "suffix"),
        ({"suffix": "x" * 65}, "suffix"),
        ({"suffix": "a:b"}, "suffix"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"metadata": {"k": 1}}, "metadata.k"),
        ({"metadata": {str(n): "v" for n in range(17)}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata.k"),
        ({"integrations": [{"type": "carrier-pigeon"}]}, "integrations.0.type"),
        ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"n_epochs": 51}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"learning_rate_multiplier": 0}}, "hyperparameters.learning_rate_multiplier"),
        ({"method": {"type": "magic"}}, "method.type"),
        ({"method": {"type": "reinforcement"}}, "method"),
        ({"unheard_of": 1}, "unheard_of"),
    ],
)
def test_a_wrong_field_of_a_job_is_named(team: TeamHandle, change: dict[str, Any], param: str) -> None:
    error = refused(team.http.post(JOBS, json=JOB | change))
    assert error["param"].startswith(param), error


def _nested(levels: int) -> Any:
    return {"a": _nested(levels - 1)} if levels else "end"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": "\ud800"}, "model"),
        ({"metadata": {"k": "\ud800"}}, "metadata.k"),
        ({"method": {"type": "reinforcement", "reinforcement": {"grader": {"g": "\ud800"}}}}, "method"),
        ({"method": {"type": "reinforcement", "reinforcement": {"grader": _nested(400)}}}, "method"),
    ],
)
def test_text_that_is_none_and_depth_without_end_are_named(
    team: TeamHandle, change: dict[str, Any], param: str
) -> None:
    body = json.dumps(JOB | change)  # plain ASCII, with the half of a pair as an escape
    error = refused(team.http.post(JOBS, content=body, headers={"content-type": "application/json"}), 400)
    assert error["param"].startswith(param), error


def test_a_missing_field_is_named(team: TeamHandle) -> None:
    assert refused(team.http.post(JOBS, json={"model": "sandbox-mini"}), 400)["param"] == "training_file"


@pytest.mark.parametrize(
    "id_", ["x", "file-", "ftjob-\u202e", "%00", "a" * 5000, "..%2f..", "'; DROP TABLE jobs; --", "🦩"]
)
def test_an_id_that_cannot_be_is_not_found(service: Service, team: TeamHandle, id_: str) -> None:
    for method, path in routes_of(service):
        if method == "get" and "{" in path and path not in PUBLIC:
            refused(team.http.get(filled(path, id_)))


@pytest.mark.parametrize(
    "query", ["after=nothing", "after=%00", "limit=0", "limit=-1", "limit=many", "limit=99999"]
)
@pytest.mark.parametrize(
    "path", ["/v1/files", JOBS, "/v1/webhook_endpoints", "/v1/webhook_deliveries", "/v1/teams"]
)
def test_a_cursor_or_limit_that_cannot_be_is_refused(service: Service, path: str, query: str) -> None:
    team = service.make_team()
    if path == "/v1/files" and query == "limit=99999":
        query = "limit=100001"  # OpenAI's own limit for files is 10,000
    client = service.admin if path == "/v1/teams" else team.http
    refused(client.get(f"{path}?{query}"))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Basic dGg6eA==",
        "Bearer th-wrong",
        "Bearer " + "x" * 5000,
        "Bearer th-\u00e9".encode("latin-1"),
        "th-wrong",
    ],
)
def test_a_key_that_cannot_be_is_unauthenticated(service: Service, header: str | bytes) -> None:
    answer = service.http(None).get("/v1/me", headers={"Authorization": header})
    assert refused(answer, 401)["code"] == "invalid_api_key"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_without_the_scope_is_told_which_it_lacks(service: Service) -> None:
    team = service.make_team(scopes=["read"])
    error = refused(team.http.post(JOBS, json=JOB), 403)
    assert error["code"] == "insufficient_permissions"
    assert "'train'" in error["message"]


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_an_idempotency_key_of_a_wrong_length_is_refused(team: TeamHandle, key: str) -> None:
    error = refused(team.http.post(JOBS, json=JOB, headers={"Idempotency-Key": key}), 400)
    assert error["param"] == "idempotency-key"


def test_a_json_body_over_the_limit_is_refused_unread(team: TeamHandle) -> None:
    where = urlsplit(team.service.url)
    head = f"POST {JOBS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {team.key}\r\n"
    head += f"content-length: {10**12}\r\n\r\n"
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        connection.sendall(head.encode())  # and not a byte of the body
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_json_body_that_grows_over_the_limit_is_refused(team: TeamHandle) -> None:
    pieces = iter([b"[" + b" " * 2**20] * 4)  # an iterator has no length to declare
    assert refused(team.http.post(JOBS, content=pieces), 413)["code"] == "request_too_large"


@pytest.mark.parametrize(
    ("form", "files"),
    [
        ({}, {}),
        ({"purpose": "fine-tune"}, {}),
        ({"purpose": "world-peace"}, {"file": ("a.jsonl", b"{}")}),
        ({}, {"file": ("a.jsonl", b"{}")}),
        ({"purpose": "fine-tune"}, {"other": ("a.jsonl", b"{}")}),
        ({"purpose": "fine-tune", "expires_after[anchor]": "never"}, {"file": ("a.jsonl", b"{}")}),
        (
            {"purpose": "fine-tune", "expires_after[anchor]": "created_at", "expires_after[seconds]": "1"},
            {"file": ("a.jsonl", b"{}")},
        ),
    ],
)
def test_a_form_that_is_no_upload_is_refused(team: TeamHandle, form: dict[str, str], files: Any) -> None:
    refused(team.http.post("/v1/files", data=form, files=files or None))
    assert team.http.get("/v1/files").json()["data"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "multipart/form-data"},
        {"content-type": "multipart/form-data; boundary=" + "x" * 300},
        {"content-type": "application/json"},
        {},
    ],
)
def test_an_upload_that_is_no_form_is_refused(team: TeamHandle, headers: dict[str, str]) -> None:
    refused(team.http.post("/v1/files", content=chat_file(), headers=headers))
    assert team.http.get("/v1/files").json()["data"] == []


def test_an_unknown_path_and_a_wrong_method_have_the_one_shape(team: TeamHandle) -> None:
    assert refused(team.http.get("/v1/nothing"), 404)["code"] == "not_found"
    assert refused(team.http.patch("/v1/files"), 405)["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "change",
    [
        {"slug": "Has Capitals"},
        {"slug": ""},
        {"slug": "x" * 64},
        {"slug": "-starts"},
        {"slug": "a/b"},
        {"name": ""},
        {"name": "a\x00b"},
        {"metadata": {"a": 1}},
        {"extra": 1},
    ],
)
def test_a_team_that_cannot_be_is_refused(service: Service, change: dict[str, Any]) -> None:
    refused(service.admin.post("/v1/teams", json={"name": "Good", "slug": "good"} | change), 400)
    assert service.admin.get("/v1/teams").json()["data"] == []


def test_a_slug_is_given_once(service: Service) -> None:
    body = {"name": "One", "slug": "one"}
    service.admin.post("/v1/teams", json=body).raise_for_status()
    answer = service.admin.post("/v1/teams", json=body)
    assert refused(answer, 409)["param"] == "slug"
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    "body",
    [
        {"limit_usd": -1, "period": "month"},
        {"limit_usd": "NaN", "period": "month"},
        {"limit_usd": "1e400", "period": "month"},
        {"limit_usd": "much", "period": "month"},
        {"limit_usd": "1", "period": "fortnight"},
        {"limit_usd": "1", "period": "month", "thresholds": [0]},
        {"limit_usd": "1", "period": "month", "thresholds": "half"},
    ],
)
def test_a_budget_that_cannot_be_is_refused(service: Service, team: TeamHandle, body: dict[str, Any]) -> None:
    before = service.admin.get(f"/v1/teams/{team.id}/budget").json()
    refused(service.admin.put(f"/v1/teams/{team.id}/budget", content=json.dumps(body)), 400)
    assert service.admin.get(f"/v1/teams/{team.id}/budget").json() == before


def writes(service: Service) -> Iterable[tuple[str, str]]:
    """The routes that take JSON. Files and the providers' calls have tests of their own."""
    for method, path in routes_of(service):
        if method in ("post", "put") and path not in PUBLIC | {"/v1/files"} and "parts" not in path:
            yield method, path


def filled(path: str, value: str = "none") -> str:
    """A path template with `value` for every parameter."""
    return "/".join(value if part.startswith("{") else part for part in path.split("/"))
