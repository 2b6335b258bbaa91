"""Malformed uploads are refused, and leave nothing behind."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from service.settings import settings
from tests.files.storing import contents
from tests.support.processes import Worker
from tests.support.service import Service, TeamHandle
from tests.support.waiting import wait_until

BOUNDARY = "frontier"


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    named = f'; filename="{filename}"' if filename else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + content + b"\r\n"


PURPOSE = part("purpose", b"fine-tune")
FILE = part("file", b"{}", "train.jsonl")
END = f"--{BOUNDARY}--\r\n".encode()


def post(team: TeamHandle, body: bytes, content_type: str | None = None) -> tuple[int, dict[str, str]]:
    headers = {"Content-Type": content_type or f"multipart/form-data; boundary={BOUNDARY}"}
    answer = team.http.post("/v1/files", content=body, headers=headers)
    return answer.status_code, answer.json().get("error") or {}


def test_fields_may_come_in_any_order(team: TeamHandle) -> None:
    assert post(team, FILE + PURPOSE + END)[0] == 200


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", "file"),
        (b"nonsense", None),
        (PURPOSE + END, "file"),
        (FILE + END, "purpose"),
        (PURPOSE + FILE, "file"),
        (PURPOSE + FILE[:-10], "file"),
        (part("purpose", b"\xff") + FILE + END, "purpose"),
        (part("purpose", b"x" * 5000) + FILE + END, "purpose"),
        (PURPOSE + FILE + FILE + END, "file"),
        (PURPOSE + part("secret", b"1") + FILE + END, "secret"),
        (PURPOSE + part("file", b"{}", "a" * 300) + END, "file"),
        (PURPOSE + part("expires_after[seconds]", b"soon") + FILE + END, "expires_after[seconds]"),
        (PURPOSE + part("expires_after[seconds]", b"3600") + FILE + END, "expires_after[anchor]"),
        (f"--{BOUNDARY}\r\n".encode() + b"A: " + b"x" * 3_000_000, None),
        (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="\xff\r\n\r\n'.encode("latin-1"), None),
    ],
)
def test_malformed_forms_are_refused(team: TeamHandle, body: bytes, param: str | None) -> None:
    answered, error = post(team, body)
    assert answered in (400, 413), error
    assert error["message"]
    if param is not None:
        assert error["param"] == param


@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data", "x; y", 'multipart/form-data; boundary=""']
)
def test_what_is_no_form_is_refused(team: TeamHandle, content_type: str) -> None:
    assert post(team, PURPOSE + FILE + END, content_type)[0] == 400


def test_a_name_loses_its_folders(team: TeamHandle) -> None:
    body = PURPOSE + part("file", b"{}", "../../etc/a.jsonl") + END
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    assert team.http.post("/v1/files", content=body, headers=headers).json()["filename"] == "a.jsonl"


@contextmanager
def begun(service: Service, key: str | None, length: int) -> Iterator[http.client.HTTPConnection]:
    """A request whose head is sent and whose body is not."""
    url = urlsplit(service.url)
    connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=20)
    connection.putrequest("POST", "/v1/files")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    if key:
        connection.putheader("Authorization", f"Bearer {key}")
    connection.putheader("Content-Length", str(length))
    connection.endheaders()
    yield connection
    connection.close()


def status(service: Service, key: str | None, length: int) -> int:
    """How a request is answered whose body never comes."""
    with begun(service, key, length) as connection, connection.getresponse() as answer:
        return answer.status


def test_a_stranger_is_turned_away_before_the_body_is_read(service: Service) -> None:
    assert status(service, "th-nobody", 100_000_000) == 401
    assert status(service, None, 100_000_000) == 401


def test_a_body_over_the_limit_is_turned_away_before_it_is_read(service: Service, team: TeamHandle) -> None:
    assert status(service, team.key, settings().max_file_bytes * 2) == 413


def test_a_key_without_the_scope_is_turned_away_before_the_body_is_read(service: Service) -> None:
    reader = service.make_team(scopes=["read"])
    assert status(service, reader.key, 1_000_000) == 403


@pytest.fixture
def nothing_left(worker: Worker) -> Iterator[None]:
    """The test leaves storage as it found it."""
    before = contents()
    yield
    wait_until(lambda: contents() == before)


@pytest.mark.usefixtures("nothing_left")
def test_an_upload_that_breaks_off_leaves_nothing(service: Service, team: TeamHandle) -> None:
    before = contents()
    with begun(service, team.key, 100_000_000) as connection:
        connection.send(PURPOSE + FILE[:-4] + b"x" * 5_000_000)
        wait_until(lambda: contents() != before)


@pytest.mark.usefixtures("nothing_left")
def test_a_malformed_upload_leaves_nothing(team: TeamHandle) -> None:
    assert post(team, part("file", b"x" * 5_000_000, "a.jsonl") + END)[0] == 400


@pytest.mark.usefixtures("nothing_left")
def test_a_content_that_the_team_already_has_is_not_kept_twice(team: TeamHandle) -> None:
    for _ in range(3):
        assert post(team, PURPOSE + FILE + END)[0] == 200
    for file in team.sdk.files.list():
        team.sdk.files.delete(file.id)
