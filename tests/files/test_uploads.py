"""Files in parts, through the stock SDK against real processes."""

import hashlib
import io
from typing import Any

import pytest
from openai import BadRequestError, ConflictError, NotFoundError
from openai.types import Upload

from service.core.db import transaction
from service.files.uploads import tables as upload_tables
from tests.dataset.examples import chats, jsonl
from tests.files.storing import checked, contents
from tests.support.service import Service, TeamHandle
from tests.support.waiting import wait_until

DATA = jsonl(chats(40))
THIRDS = [DATA[:1000], DATA[1000:2000], DATA[2000:]]


def begin(team: TeamHandle, size_bytes: int = len(DATA), **more: Any) -> Upload:
    return team.sdk.uploads.create(
        filename="train.jsonl", purpose="fine-tune", bytes=size_bytes, mime_type="text/jsonl", **more
    )


def send(team: TeamHandle, upload: Upload, data: bytes, **more: Any) -> str:
    return team.sdk.uploads.parts.create(upload.id, data=("upload", data), **more).id


def cancel(team: TeamHandle, upload: Upload) -> None:
    """Leave no part behind whose hour would have to be waited for."""
    assert team.sdk.uploads.cancel(upload.id).status == "cancelled"


def test_a_file_sent_in_chunks_is_the_file(team: TeamHandle) -> None:
    upload = team.sdk.uploads.upload_file_chunked(
        file=io.BytesIO(DATA).getvalue(),
        filename="train.jsonl",
        bytes=len(DATA),
        mime_type="text/jsonl",
        purpose="fine-tune",
        part_size=1000,
        md5=hashlib.md5(DATA, usedforsecurity=False).hexdigest(),
    )
    assert upload.status == "completed"
    assert upload.file is not None
    file = team.sdk.files.wait_for_processing(upload.file.id, poll_interval=0.1)
    assert (file.status, file.bytes, file.filename) == ("processed", len(DATA), "train.jsonl")
    assert team.sdk.files.content(file.id).read() == DATA


def test_parts_may_come_in_any_order_and_more_than_once(team: TeamHandle) -> None:
    before = contents()
    upload = begin(team)
    last = send(team, upload, THIRDS[2])
    send(team, upload, THIRDS[0])
    first = send(team, upload, THIRDS[0])
    middle = send(team, upload, THIRDS[1])
    done = team.sdk.uploads.complete(upload.id, part_ids=[first, middle, last])
    assert done.file is not None
    assert team.sdk.files.content(done.file.id).read() == DATA
    wait_until(lambda: len(contents() - before) == 3)


def test_completing_twice_answers_with_the_same_file(team: TeamHandle) -> None:
    upload = begin(team)
    part = send(team, upload, DATA)
    first, second = (team.sdk.uploads.complete(upload.id, part_ids=[part]) for _ in range(2))
    assert first.file is not None
    assert second.file is not None
    assert first.file.id == second.file.id


def test_the_same_content_in_other_parts_is_kept_once(team: TeamHandle) -> None:
    before = contents()
    for pieces in (THIRDS, [DATA]):
        upload = begin(team)
        team.sdk.uploads.complete(upload.id, part_ids=[send(team, upload, piece) for piece in pieces])
    wait_until(lambda: len(contents() - before) == 3)


@pytest.mark.parametrize("pieces", [THIRDS[:2], THIRDS[::-1]])
def test_parts_that_do_not_make_up_the_file_are_refused(team: TeamHandle, pieces: list[bytes]) -> None:
    upload = begin(team)
    parts = [send(team, upload, piece) for piece in pieces]
    with pytest.raises(BadRequestError):
        team.sdk.uploads.complete(
            upload.id, part_ids=parts, md5=hashlib.md5(DATA, usedforsecurity=False).hexdigest()
        )
    cancel(team, upload)


def test_a_part_that_arrived_damaged_is_refused(team: TeamHandle) -> None:
    before = contents()
    upload = begin(team)
    with pytest.raises(BadRequestError) as refused:
        send(team, upload, DATA, extra_body={"sha256": "0" * 64})
    assert refused.value.code == "checksum_mismatch"
    wait_until(lambda: contents() == before)
    whole = send(team, upload, DATA, extra_body={"sha256": hashlib.sha256(DATA).hexdigest()})
    team.sdk.uploads.complete(upload.id, part_ids=[whole])


def test_a_cancelled_upload_leaves_nothing_and_takes_nothing(team: TeamHandle) -> None:
    before = contents()
    upload = begin(team)
    send(team, upload, DATA)
    cancel(team, upload)
    cancel(team, upload)
    with pytest.raises(ConflictError) as refused:
        send(team, upload, DATA)
    assert refused.value.code == "upload_cancelled"
    wait_until(lambda: contents() == before)


def test_an_upload_expires_after_an_hour(team: TeamHandle) -> None:
    upload = begin(team)
    assert upload.expires_at - upload.created_at == 3600
    with transaction() as session:
        row = session.get_one(upload_tables.Upload, upload.id)
        row.expires_at = row.created_at
    for late in (
        lambda: send(team, upload, DATA),
        lambda: team.sdk.uploads.complete(upload.id, part_ids=["part_1"]),
    ):
        with pytest.raises(ConflictError) as refused:
            late()
        assert refused.value.code == "upload_expired"


@pytest.mark.parametrize(
    "wrong",
    [{"bytes": 0}, {"bytes": 8 * 2**30 + 1}, {"purpose": "batch"}, {"filename": "/"}, {"format": "prose"}],
)
def test_what_cannot_become_a_file_is_refused_at_once(team: TeamHandle, wrong: dict[str, Any]) -> None:
    body = {"filename": "a.jsonl", "purpose": "fine-tune", "bytes": 5, "mime_type": "text/jsonl"} | wrong
    assert team.http.post("/v1/uploads", json=body).status_code == 400


def test_a_part_over_64_mb_is_refused(team: TeamHandle) -> None:
    upload = begin(team, 2**27)
    too_much = {"data": ("upload", b"x" * (64 * 2**20 + 1))}
    assert team.http.post(f"/v1/uploads/{upload.id}/parts", files=too_much).status_code == 413
    cancel(team, upload)


def test_another_teams_upload_answers_like_none(service: Service, team: TeamHandle) -> None:
    stranger = service.make_team()
    upload = begin(team)
    with pytest.raises(NotFoundError):
        send(stranger, upload, DATA)
    with pytest.raises(NotFoundError):
        stranger.sdk.uploads.complete(upload.id, part_ids=["part_1"])
    with pytest.raises(NotFoundError):
        stranger.sdk.uploads.cancel(upload.id)


def test_the_file_of_an_upload_may_expire_and_be_of_a_named_format(team: TeamHandle) -> None:
    upload = begin(
        team,
        extra_body={"format": "completion"},
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    done = team.sdk.uploads.complete(upload.id, part_ids=[send(team, upload, DATA)])
    assert done.file is not None
    assert done.file.expires_at == done.file.created_at + 3600
    file = wait_until(lambda: checked(team.sdk, done.file.id) if done.file else None)
    assert "wrong_format" in team.http.get(f"/v1/files/{file.id}/report").text
    team.sdk.files.delete(file.id)
