"""Files and uploads in parts, through the stock SDK and by raw bodies."""

import hashlib
import io

import httpx2
import openai
import pytest

from tests.support.trainer_process import TrainerProcess
from tests.trainer.examples import chat_file
from tests.trainer.raw import announce
from tests.trainer.steps import run_job, upload


def test_a_file_comes_back_as_it_went(client: openai.OpenAI) -> None:
    data = chat_file()
    file = client.files.create(file=("train.jsonl", io.BytesIO(data)), purpose="fine-tune")
    assert (file.bytes, file.filename, file.status) == (len(data), "train.jsonl", "processed")
    assert client.files.retrieve(file.id) == file
    assert client.files.wait_for_processing(file.id) == file
    assert client.files.content(file.id).read() == data


def test_a_deleted_file_is_gone(client: openai.OpenAI) -> None:
    file_id = upload(client)
    assert client.files.delete(file_id).deleted
    for call in (client.files.retrieve, client.files.delete, client.files.content):
        with pytest.raises(openai.NotFoundError):
            call(file_id)


def test_files_are_paged_in_either_order(client: openai.OpenAI) -> None:
    made = [upload(client) for _ in range(5)]
    newest = [file.id for file in client.files.list(limit=2, purpose="fine-tune")][:5]
    assert newest == made[::-1]
    oldest_first = [file.id for file in client.files.list(limit=100, order="asc")]
    assert oldest_first[-5:] == made


def test_a_file_expires_by_the_clock(client: openai.OpenAI, trainer: TrainerProcess) -> None:
    trainer.control.stop_clock()
    file = client.files.create(
        file=("a.txt", b"hello"),
        purpose="user_data",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert file.expires_at == file.created_at + 3600
    trainer.control.advance(3601)
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


@pytest.mark.parametrize(
    ("name", "content", "purpose", "reason"),
    [
        ("t.jsonl", b'{"a": 1}\n[1]\n', "fine-tune", "Line 2 is not a dictionary"),
        ("t.jsonl", b'{"a": "\xff"}\n', "fine-tune", "Line 1 is not a dictionary"),
        ("t.jsonl", b"", "fine-tune", "empty"),
        ("t.csv", b"{}\n", "fine-tune", "jsonl"),
        ("t.jsonl", b"{}\n", "fun", "'fun' is not one of"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    client: openai.OpenAI, name: str, content: bytes, purpose: str, reason: str
) -> None:
    before = len(client.files.list(purpose="fine-tune").data)
    with pytest.raises(openai.BadRequestError, match=reason):
        client.files.create(file=(name, content), purpose=purpose)  # type: ignore[arg-type]
    assert len(client.files.list(purpose="fine-tune").data) == before


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data; boundary=x", b"nonsense"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nab'),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n'),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data", b"--x--"),
        ("application/json", b"{}"),
        ("", b"{}"),
    ],
)
def test_a_malformed_multipart_body_is_a_bad_request(
    trainer: TrainerProcess, content_type: str, body: bytes
) -> None:
    response = httpx2.post(
        f"{trainer.base_url}/files",
        content=body,
        headers={"authorization": f"Bearer {trainer.api_key}", "content-type": content_type},
    )
    assert response.status_code == 400
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


def test_fields_may_follow_the_file(trainer: TrainerProcess) -> None:
    head = '--x\r\nContent-Disposition: form-data; name="file"; filename="../../t.jsonl"\r\n\r\n{}\r\n'
    tail = '--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--x--\r\n'
    response = httpx2.post(
        f"{trainer.base_url}/files",
        content=(head + tail).encode(),
        headers={
            "authorization": f"Bearer {trainer.api_key}",
            "content-type": "multipart/form-data; boundary=x",
        },
    )
    assert response.status_code == 200
    assert response.json()["filename"] == "t.jsonl"


def test_a_body_announced_too_large_is_refused_unread(trainer: TrainerProcess) -> None:
    status, body = announce(trainer, "/v1/files", 600 * 2**20)
    assert status == 413
    assert b"larger than" in body


def test_an_upload_in_parts_makes_one_file(client: openai.OpenAI) -> None:
    data = chat_file(40)
    done = client.uploads.upload_file_chunked(
        file=data,
        filename="big.jsonl",
        bytes=len(data),
        mime_type="text/jsonl",
        purpose="fine-tune",
        part_size=1000,
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
    )
    assert done.status == "completed"
    assert done.file is not None
    assert client.files.content(done.file.id).read() == data
    job = client.fine_tuning.jobs.create(model="sandbox-mini", training_file=done.file.id)
    assert job.training_file == done.file.id


def test_an_upload_is_completed_only_by_what_was_announced(client: openai.OpenAI) -> None:
    started = client.uploads.create(filename="a.jsonl", purpose="fine-tune", bytes=6, mime_type="text/jsonl")
    part = client.uploads.parts.create(started.id, data=b"{}\n")
    with pytest.raises(openai.BadRequestError, match="3 bytes together, announced were 6"):
        client.uploads.complete(started.id, part_ids=[part.id])
    with pytest.raises(openai.BadRequestError, match="does not belong"):
        client.uploads.complete(started.id, part_ids=["part_x"])
    with pytest.raises(openai.BadRequestError, match="md5"):
        client.uploads.complete(started.id, part_ids=[part.id, part.id], md5="0" * 32)
    assert client.uploads.complete(started.id, part_ids=[part.id, part.id]).status == "completed"
    with pytest.raises(openai.BadRequestError, match="is completed"):
        client.uploads.parts.create(started.id, data=b"{}\n")


def test_a_cancelled_or_expired_upload_takes_nothing_more(
    client: openai.OpenAI, trainer: TrainerProcess
) -> None:
    trainer.control.stop_clock()
    fields = {"filename": "a.txt", "purpose": "user_data", "bytes": 3, "mime_type": "text/plain"}
    first, second = (client.uploads.create(**fields) for _ in range(2))  # type: ignore[arg-type]
    assert client.uploads.cancel(first.id).status == "cancelled"
    trainer.control.advance(3601)
    for upload_id, reason in ((first.id, "is cancelled"), (second.id, "is expired")):
        with pytest.raises(openai.BadRequestError, match=reason):
            client.uploads.parts.create(upload_id, data=b"abc")


def test_a_model_survives_the_deletion_of_its_data(client: openai.OpenAI) -> None:
    job = run_job(client)
    client.files.delete(job.training_file)
    reply = client.chat.completions.create(
        model=str(job.fine_tuned_model), messages=[{"role": "user", "content": "可以开发票吗？"}]
    )
    assert "抬头" in str(reply.choices[0].message.content)
