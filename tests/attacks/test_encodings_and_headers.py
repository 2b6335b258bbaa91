"""Compressed or mislabelled bodies, and headers that contradict each other, are understood or refused."""

import gzip
import json
import zlib
from typing import Any

import httpx2
import pytest

from tests.attacks.raw import ask, head
from tests.conftest import ADMIN_KEY
from tests.support.processes import Api
from tests.support.service import Service, TeamHandle

try:
    from compression import zstd
except ModuleNotFoundError:  # before Python 3.14
    from backports import zstd

JOBS = "/v1/fine_tuning/jobs"
CHAT = "/v1/chat/completions"
# Read by either route, and refused for the model alone.
BODIES = {
    JOBS: b'{"model": "no-such-model", "training_file": "file-x"}',
    CHAT: b'{"model": "no-such-model", "messages": []}',
}
PACKERS = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd.compress}
MIB = 2**20


@pytest.fixture
def team(service: Service) -> TeamHandle:
    return service.make_team(budget_usd="5.00")


def post(team: TeamHandle, path: str, content: bytes, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return team.http.post(path, content=content, headers=named)


def error_of(answer: httpx2.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    return error


@pytest.mark.parametrize("path", [JOBS, CHAT])
@pytest.mark.parametrize("encoding", list(PACKERS))
def test_a_compressed_body_is_read(team: TeamHandle, path: str, encoding: str) -> None:
    body = PACKERS[encoding](BODIES[path])

    answer = post(team, path, body, content_encoding=encoding, content_type="application/json")

    assert error_of(answer, 404)["param"] == "model"


@pytest.mark.parametrize("path", [JOBS, CHAT])
@pytest.mark.parametrize("encoding", list(PACKERS))
def test_a_bomb_is_refused_within_its_bound(team: TeamHandle, path: str, encoding: str) -> None:
    bomb = PACKERS[encoding](b" " * (64 * MIB))

    assert error_of(post(team, path, bomb, content_encoding=encoding), 413)["code"] == "request_too_large"


@pytest.mark.parametrize("path", [JOBS, CHAT])
@pytest.mark.parametrize("encoding", list(PACKERS))
def test_a_damaged_compressed_body_is_refused(team: TeamHandle, path: str, encoding: str) -> None:
    whole = PACKERS[encoding](b'{"model": "x"}' * 50)

    for damaged in (whole[:-3], whole + b"more", b"{}" + whole):
        error = error_of(post(team, path, damaged, content_encoding=encoding), 400)
        assert error["code"] == "invalid_content_encoding"


@pytest.mark.parametrize("path", [JOBS, CHAT, "/v1/files"])
@pytest.mark.parametrize("encoding", ["br", "compress", "gzip, gzip", "x"])
def test_an_unsupported_encoding_is_refused(team: TeamHandle, path: str, encoding: str) -> None:
    form = "multipart/form-data; boundary=b"
    answer = post(team, path, b"--b", content_encoding=encoding, content_type=form)

    assert error_of(answer, 415)["param"] == "content-encoding"
    assert answer.headers["accept-encoding"] == ("identity" if path == "/v1/files" else "gzip, deflate, zstd")


@pytest.mark.parametrize("path", [JOBS, CHAT])
@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/octet-stream",
        "x",
    ],
)
def test_json_is_read_whatever_it_is_called(team: TeamHandle, path: str, content_type: str) -> None:
    body = b"\xef\xbb\xbf" + BODIES[path]
    headers = {"content_type": content_type} if content_type else {}

    assert error_of(post(team, path, body, **headers), 404)["param"] == "model"


@pytest.mark.parametrize("path", [JOBS, CHAT])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_json_in_another_encoding_is_refused(team: TeamHandle, path: str, encoding: str) -> None:
    body = json.dumps({"model": "x"}).encode(encoding)

    assert error_of(post(team, path, body), 400)["code"] == "invalid_json"


@pytest.mark.parametrize("path", [JOBS, CHAT, "/v1/files", "/v1/me"])
@pytest.mark.parametrize(
    "name", ["authorization", "idempotency-key", "openai-project", "content-type", "content-encoding"]
)
def test_a_header_that_occurs_twice_is_refused(service: Service, path: str, name: str) -> None:
    method = "GET" if path == "/v1/me" else "POST"
    lines = [f"{name}: one", f"{name}: two"] + ([] if method == "GET" else ["content-length: 0"])

    answer = ask(service.url, head(method, path, *lines))

    assert answer.status == 400
    assert (answer.error["code"], answer.error["param"]) == ("duplicate_header", name)


@pytest.mark.parametrize(
    ("target", "param"),
    [
        ("/v1/files/%00", "path"),
        ("/v1/files/%zz", "path"),
        ("/v1/files/%ff", "path"),
        ("/v1/files?after=%00", "after"),
        ("/v1/files?after=%ff", "after"),
        ("/v1/files?after=%", None),
    ],
)
def test_a_target_that_is_no_text_is_refused(team: TeamHandle, target: str, param: str | None) -> None:
    answer = ask(team.service.url, head("GET", target, key=team.key))

    assert answer.status == 400
    assert answer.error["param"] == param


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_a_probe_may_add_parameters(service: Service, path: str) -> None:
    assert service.http(None).get(path, params={"probe": "lb-1", "_": "7"}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/v1/me", "/v1/files", "/v1/models", "/openapi.json"])
def test_what_can_be_got_has_a_head(team: TeamHandle, path: str) -> None:
    got, asked = team.http.get(path), team.http.head(path)

    assert asked.status_code == got.status_code == 200
    assert asked.content == b""
    assert asked.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/healthz", "GET, HEAD"),
        ("/v1/files", "GET, HEAD, POST"),
        ("/v1/files/file-x", "DELETE, GET, HEAD"),
        ("/v1/chat/completions", "POST"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(team: TeamHandle, path: str, allowed: str) -> None:
    answer = team.http.patch(path)

    assert error_of(answer, 405)["code"] == "method_not_allowed"
    assert answer.headers["allow"] == allowed


def test_an_address_is_believed_only_from_a_configured_proxy(
    service: Service, hasty_process: Api, team: TeamHandle
) -> None:
    forwarded = {"X-Forwarded-For": "198.51.100.7"}
    believing = Service(hasty_process.url, ADMIN_KEY)
    with believing:
        service.admin.post("/v1/teams", json={"name": "A", "slug": "plain"}, headers=forwarded)
        believing.admin.post("/v1/teams", json={"name": "B", "slug": "proxied"}, headers=forwarded)

    events = service.admin.get("/v1/audit_events", params={"limit": 2}).json()["data"]
    assert [event["ip"] for event in events] == ["198.51.100.7", "127.0.0.1"]
