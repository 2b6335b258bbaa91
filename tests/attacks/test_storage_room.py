"""Bytes on their way count: uploads, parts and conversions cannot exceed a team's storage together."""

import select

import pytest

from tests.attacks.raw import Answer, ask, connect, head, many
from tests.support.processes import Worker
from tests.support.service import Service, TeamHandle
from tests.support.waiting import wait_until

MIB = 2**20
FORM = "content-type: multipart/form-data; boundary=b"
PAIRS = b"".join(b'{"prompt": "%d?", "completion": " %d"}\n' % (one, one) for one in range(5000))


def part(name: str) -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="a.jsonl"\r\n\r\n'.encode()


@pytest.fixture
def team(service: Service) -> TeamHandle:
    handle = service.make_team()
    allow(handle, 8 * MIB)
    return handle


def allow(team: TeamHandle, size_bytes: int) -> None:
    quota = {"storage_bytes": size_bytes}
    team.service.admin.put(f"/v1/teams/{team.id}/quotas", json=quota).raise_for_status()


def used(team: TeamHandle) -> int:
    found: int = team.http.get("/v1/me").json()["quotas"]["storage_bytes"]["used"]
    return found


def upload(team: TeamHandle, size_bytes: int) -> int:
    """The status of a whole upload."""
    files = {"file": ("a.jsonl", b" " * size_bytes)}
    return team.http.post("/v1/files", files=files, data={"purpose": "fine-tune"}).status_code


def test_an_upload_that_is_on_its_way_takes_its_room(team: TeamHandle) -> None:
    begun = head("POST", "/v1/files", FORM, f"content-length: {6 * MIB}", key=team.key) + part("file")
    with connect(team.service.url) as connection:
        connection.sendall(begun)
        wait_until(lambda: used(team) > 5 * MIB)

        answer = ask(team.service.url, begun)
        assert (answer.status, answer.error["param"]) == (403, "storage_bytes")

    wait_until(lambda: used(team) == 0)
    assert upload(team, 6 * MIB) == 200


def test_a_body_of_unknown_length_is_refused_at_the_quota(team: TeamHandle) -> None:
    piece = b"%x\r\n" % MIB + b" " * MIB + b"\r\n"
    begun = b"%x\r\n%s\r\n" % (len(part("file")), part("file"))
    chunked = head("POST", "/v1/files", FORM, "transfer-encoding: chunked", key=team.key) + begun

    with connect(team.service.url) as first, connect(team.service.url) as second:
        first.sendall(chunked + piece * 5)
        wait_until(lambda: used(team) > 4 * MIB)
        second.sendall(chunked)
        try:
            for _ in range(64):
                second.sendall(piece)
        except OSError:
            pass  # refused by now; the answer is waiting
        assert Answer(second).error["param"] == "storage_bytes"
        assert used(team) < 8 * MIB
    wait_until(lambda: used(team) == 0)


def test_calling_itself_a_retry_lets_one_upload_of_a_team_arrive_without_room(team: TeamHandle) -> None:
    length = f"content-length: {6 * MIB}"
    begun = head("POST", "/v1/files", FORM, length, "x-stainless-retry-count: 1", key=team.key) + part("file")

    with connect(team.service.url) as first:
        first.sendall(begun)
        wait_until(lambda: used(team) > 5 * MIB)
        with many(team.service.url, 4, begun) as others:
            wait_until(lambda: len(select.select(others, [], [], 0)[0]) == 3)
            refused = [Answer(one) for one in select.select(others, [], [], 0)[0]]

    assert {(answer.status, answer.error["param"]) for answer in refused} == {(403, "storage_bytes")}
    wait_until(lambda: used(team) == 0)


def test_parts_on_their_way_take_room_beyond_what_their_upload_announced(team: TeamHandle) -> None:
    body = {"filename": "a.jsonl", "purpose": "fine-tune", "mime_type": "application/jsonl"}
    made = team.http.post("/v1/uploads", json=body | {"bytes": 5 * MIB}).json()["id"]
    path = f"/v1/uploads/{made}/parts"
    begun = head("POST", path, FORM, f"content-length: {3 * MIB}", key=team.key) + part("data")

    with connect(team.service.url) as one, connect(team.service.url) as two:
        one.sendall(begun)
        two.sendall(begun)
        wait_until(lambda: used(team) > 5 * MIB)

        assert ask(team.service.url, begun).status == 403


def test_conversions_that_wait_take_room(team: TeamHandle, worker: Worker) -> None:
    file = team.sdk.files.create(file=("a.jsonl", PAIRS), purpose="fine-tune")
    team.sdk.files.wait_for_processing(file.id, poll_interval=0.05)
    stored = team.sdk.files.retrieve(file.id).bytes
    allow(team, 2 * stored)
    convert = {"format": "chat", "system": "Answer as briefly as you can. " * 20}

    made = team.http.post(f"/v1/files/{file.id}/convert", json=convert)
    more = team.http.post(f"/v1/files/{file.id}/convert", json=convert)

    assert made.status_code == 200, made.text
    done = team.sdk.files.wait_for_processing(made.json()["id"], poll_interval=0.05)
    assert done.status == "error"
    assert "bytes of files" in str(done.status_details)
    assert used(team) == stored
    assert more.status_code in (200, 403)  # 200 if the first has failed by now


def test_a_conversion_whose_source_would_not_fit_again_is_refused(team: TeamHandle, worker: Worker) -> None:
    file = team.sdk.files.create(file=("a.jsonl", PAIRS), purpose="fine-tune")
    team.sdk.files.wait_for_processing(file.id, poll_interval=0.05)
    stored = team.sdk.files.retrieve(file.id).bytes
    allow(team, stored + stored // 2)

    refused = team.http.post(f"/v1/files/{file.id}/convert", json={"format": "chat"})

    assert refused.status_code == 403
    assert used(team) == stored
