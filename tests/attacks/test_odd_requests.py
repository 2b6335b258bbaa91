"""Odd requests in well-formed HTTP get an answer in the one error shape, soon and in little memory."""

import threading

import pytest

from tests.attacks.raw import Answer, ask, connect, head
from tests.support.service import Service, TeamHandle

JOBS = "/v1/fine_tuning/jobs"
CHAT = "/v1/chat/completions"
FORM = "content-type: multipart/form-data; boundary=b"
MESSAGES = b'"model": "sandbox-mini", "messages": [{"role": "user", "content": "x"}]'


@pytest.fixture
def team(service: Service) -> TeamHandle:
    return service.make_team(budget_usd="5.00")


def post(team: TeamHandle, path: str, body: bytes) -> Answer:
    return ask(team.service.url, head("POST", path, f"content-length: {len(body)}", key=team.key) + body)


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("OPTIONS", "*", 404, "not_found"),
        ("GET", "//v1/me", 404, "not_found"),
        ("GET", "/v1/files/../me", 404, "not_found"),
        ("GET", "/v1/files/a%2f..%2fme", 404, "not_found"),
        ("GET", "http://elsewhere.example/v1/files/file-x", 404, "not_found"),
        ("GET", "elsewhere.example:80", 400, "malformed_request"),
        ("GET", "/v1/files/%c0%ae", 400, "invalid_value"),
        ("GET", "/v1/files/" + "x" * 30_000, 404, "not_found"),
        ("GET", "/v1/files?" + "&".join(f"a{n}=1" for n in range(3500)), 400, "unknown_parameter"),
        ("GET", "/v1/files?limit=1&limit=2", 400, "duplicate_parameter"),
        ("GET", "/v1/files?" + "limit=1&" * 3000, 400, "duplicate_parameter"),
        ("GET", "/v1/files?limit=1;after=x", 400, "invalid_value"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_odd_target_is_refused(team: TeamHandle, method: str, target: str, status: int, code: str) -> None:
    answer = ask(team.service.url, head(method, target, key=team.key))

    assert (answer.status, answer.error["code"]) == (status, code)


def test_many_cookies_are_read_past(team: TeamHandle) -> None:
    answer = ask(team.service.url, head("GET", "/v1/me", *["cookie: a=b; " + "c=d;" * 50] * 80, key=team.key))

    assert answer.status == 200


@pytest.mark.parametrize("path", [JOBS, "/v1/fine_tuning/estimates", "/v1/webhook_endpoints", CHAT])
@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (b'{"model": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", {"invalid_json", "invalid_value"}),
        (b'{"seed": ' + b"9" * 5000 + b", " + MESSAGES + b"}", {"invalid_json", "invalid_value", None}),
        (b'{"seed": 1e999, ' + MESSAGES + b"}", {"invalid_value", None}),
        (b'{"model": NaN, "temperature": Infinity}', {"invalid_json", "invalid_value"}),
        (b'{"model": "\\ud800", "messages": []}', {"invalid_json", "invalid_value"}),
        (b'{"model": "\xff"}', {"invalid_json"}),
        (b"{" + b",".join(b'"k%d":1' % n for n in range(40_000)) + b"}", {"invalid_value"}),
    ],
    ids=["deep", "a huge integer", "a huge number", "NaN", "half a character", "no UTF-8", "many fields"],
)
def test_json_that_no_reader_agrees_on_is_refused(
    team: TeamHandle, path: str, body: bytes, codes: set[str | None]
) -> None:
    answer = post(team, path, body)

    assert answer.status == 400
    assert answer.error["code"] in codes


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"name": "a", "name": "b"}', "name"),
        (b'{"name": "a", "n\\u0061me": "b"}', "name"),
        (b'{"name"\n: "a", "name": "b"}', "name"),
        (b'{"name": "\\"x\\":", "scopes": [{"a": 1, "b": 2, "a": 3}]}', "a"),
    ],
    ids=["plain", "escaped", "before a line break", "inside"],
)
def test_a_body_with_a_field_twice_is_refused(team: TeamHandle, body: bytes, name: str) -> None:
    answer = post(team, f"/v1/teams/{team.id}/keys", body)

    assert (answer.status, answer.error["code"]) == (400, "duplicate_field")
    assert f"'{name}' twice" in answer.error["message"]


@pytest.mark.parametrize(("path", "values"), [(JOBS, 50_001), (CHAT, 500_001)])
def test_a_body_of_too_many_values_is_refused_before_it_is_parsed(
    team: TeamHandle, path: str, values: int
) -> None:
    answer = post(team, path, b'{"model":"x","messages":[' + b"{}," * values + b"{}]}")

    assert (answer.status, answer.error["code"]) == (400, "too_many_values")


def test_a_file_that_trickles_is_refused_in_time(hasty: Service) -> None:
    team = hasty.make_team()
    stopped = threading.Event()

    with connect(hasty.url) as connection:
        connection.sendall(head("POST", "/v1/files", FORM, "content-length: 100000", key=team.key) + b"--b")

        def trickle() -> None:
            while not stopped.wait(0.2):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

        trickling = threading.Thread(target=trickle)
        trickling.start()
        try:
            assert Answer(connection).status == 408
        finally:
            stopped.set()
            trickling.join()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd.jsonl", "passwd.jsonl"),
        ("..\\..\\boot.jsonl", "boot.jsonl"),
        ("/etc/cron.d/x.jsonl", "x.jsonl"),
        ("C:\\a.jsonl", "a.jsonl"),
    ],
)
def test_a_file_name_loses_its_folders(team: TeamHandle, sent: str, kept: str) -> None:
    file = team.sdk.files.create(file=(sent, b"{}\n"), purpose="fine-tune")
    body = {"purpose": "fine-tune", "bytes": 3, "mime_type": "application/jsonl"}
    upload = team.http.post("/v1/uploads", json=body | {"filename": sent})

    assert file.filename == kept
    assert upload.json()["filename"] == kept


@pytest.mark.parametrize(
    "name",
    [
        " \t ",
        "\u200b\u200b",
        "\u200d",
        "a\nb",
        "a\x1b[31m",
        "\u202eetorp",
        "a\u2066b\u2069",
        "a\u2028b",
        "\ue000",
    ],
    ids=ascii,
)
def test_a_name_that_deceives_its_readers_is_refused(team: TeamHandle, name: str) -> None:
    service = team.service
    hook = {"url": "http://127.0.0.1:9/", "event_types": ["file.processed"]}
    answers = [
        service.admin.post("/v1/teams", json={"name": name, "slug": "deceiver"}),
        service.admin.post(f"/v1/teams/{team.id}", json={"name": name}),
        service.admin.post("/v1/organization/admin_api_keys", json={"name": name}),
        service.admin.post("/v1/departments", json={"name": name}),
        team.http.post(f"/v1/teams/{team.id}/keys", json={"name": name}),
        team.http.post("/v1/webhook_endpoints", json=hook | {"name": name}),
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "name"), answer.text


@pytest.mark.parametrize(
    "name",
    [
        "\u7530\u4e2d\u3000\u592a\u90ce",
        "\u0645\u06cc\u200c\u062e\u0648",
        "\U0001f469\u200d\U0001f52c",
        "=1+1",
    ],
)
def test_a_name_in_any_script_is_kept(team: TeamHandle, name: str) -> None:
    made = team.http.post(f"/v1/teams/{team.id}/keys", json={"name": name})
    file = team.sdk.files.create(file=(f"{name}.jsonl", b"{}\n"), purpose="fine-tune")

    assert made.json()["name"] == name
    assert file.filename == f"{name}.jsonl"
