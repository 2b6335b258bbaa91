"""The stock SDK's calls for files, against a real api and a real worker."""

import pytest
from openai import BadRequestError, ConflictError, NotFoundError

from service.errors import Conflict
from service.files.queries import report_of
from service.files.tables import File
from tests.dataset.examples import chat, chats, jsonl
from tests.files.storing import send
from tests.support.data import chat_file
from tests.support.lossy_proxy import lossy_proxy
from tests.support.processes import Api
from tests.support.service import Service, TeamHandle


def test_a_good_file_is_processed(team: TeamHandle) -> None:
    content = jsonl(chats(12))
    sent = team.sdk.files.create(file=("train.jsonl", content), purpose="fine-tune")
    file = team.sdk.files.wait_for_processing(sent.id, poll_interval=0.1)
    assert (file.status, file.bytes, file.filename, file.purpose) == (
        "processed",
        len(content),
        "train.jsonl",
        "fine-tune",
    )


def test_a_broken_file_is_told_why(team: TeamHandle) -> None:
    broken = {"messages": [*chat()["messages"], {"role": "bob\x00", "content": "hi"}]}
    file = send(team.sdk, jsonl([*chats(16), broken]))
    assert file.status == "error"
    assert str(file.status_details).startswith("line 17, messages[2].role:")


def test_the_report_tells_tokens_and_costs(team: TeamHandle) -> None:
    file = send(team.sdk, jsonl(chats(100)))
    report = team.http.get(f"/v1/files/{file.id}/report").json()
    assert (report["object"], report["format"], report["examples"]) == ("file.report", "chat", 100)
    assert report["tokens"]["total"] > report["tokens"]["trained"] > 0
    assert report["n_epochs"] == 3
    costs = {(cost["model"], cost["method"]): cost for cost in report["costs"]}
    sandbox = costs["sandbox-mini", "supervised"]
    assert sandbox["billed_tokens"] == 3 * report["tokens"]["total"]
    assert float(sandbox["cost_usd"]) > 0


def test_the_report_of_a_broken_file_lists_its_errors(team: TeamHandle) -> None:
    file = send(team.sdk, b"oops\n" * 300)
    report = team.http.get(f"/v1/files/{file.id}/report").json()
    assert (len(report["errors"]), report["error_count"]) == (2, 300 + 1)
    assert report["errors"][0] == {
        "line": 1,
        "path": "",
        "code": "invalid_json",
        "message": "is not JSON at column 1: expected a JSON object, which starts with '{' (300 such errors)",
    }


def test_a_report_is_not_there_before_the_check() -> None:
    with pytest.raises(Conflict) as refused:
        report_of(File(id="file-1", status="uploaded"))
    assert refused.value.error_code == "file_not_processed"


def test_content_comes_back_as_it_was_sent(team: TeamHandle) -> None:
    content = jsonl(chats(3)) * 20_000
    sent = team.sdk.files.create(file=("train.jsonl", content), purpose="fine-tune")
    assert team.sdk.files.content(sent.id).read() == content


def test_files_are_listed_newest_first_and_paged(team: TeamHandle) -> None:
    sent = [
        team.sdk.files.create(file=(f"{number}.jsonl", b"{}"), purpose="fine-tune").id for number in range(5)
    ]
    assert [file.id for file in team.sdk.files.list(limit=2)] == sent[::-1]
    assert [file.id for file in team.sdk.files.list(limit=2, order="asc")] == sent
    assert [file.id for file in team.sdk.files.list(purpose="fine-tune-results")] == []


def test_a_deleted_file_is_gone(team: TeamHandle) -> None:
    sent = team.sdk.files.create(file=("train.jsonl", b"{}"), purpose="fine-tune")
    deleted = team.sdk.files.delete(sent.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (sent.id, "file", True)
    with pytest.raises(NotFoundError):
        team.sdk.files.retrieve(sent.id)
    with pytest.raises(NotFoundError):
        team.sdk.files.delete(sent.id)
    assert list(team.sdk.files.list()) == []


def test_another_teams_file_answers_like_none(service: Service, team: TeamHandle) -> None:
    stranger = service.make_team()
    sent = team.sdk.files.create(file=("train.jsonl", b"{}"), purpose="fine-tune")
    for path in ("", "/content", "/report"):
        foreign = stranger.http.get(f"/v1/files/{sent.id}{path}")
        missing = stranger.http.get(f"/v1/files/file-nothing{path}")
        assert foreign.status_code == missing.status_code == 404
        assert foreign.text.replace(sent.id, "") == missing.text.replace("file-nothing", "")
    assert stranger.http.delete(f"/v1/files/{sent.id}").status_code == 404
    assert stranger.http.get("/v1/files", params={"after": sent.id}).status_code == 404
    assert stranger.http.get("/v1/files").json()["data"] == []


def test_a_file_may_expire(team: TeamHandle) -> None:
    sent = team.sdk.files.create(
        file=("train.jsonl", b"{}"),
        purpose="fine-tune",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert sent.expires_at == sent.created_at + 3600
    team.sdk.files.delete(sent.id)


@pytest.mark.parametrize("seconds", [3599, 2_592_001])
def test_a_file_lives_an_hour_to_thirty_days(team: TeamHandle, seconds: int) -> None:
    with pytest.raises(BadRequestError) as refused:
        team.sdk.files.create(
            file=("train.jsonl", b"{}"),
            purpose="fine-tune",
            expires_after={"anchor": "created_at", "seconds": seconds},
        )
    assert refused.value.param == "expires_after[seconds]"


def test_other_purposes_are_refused(team: TeamHandle) -> None:
    with pytest.raises(BadRequestError) as refused:
        team.sdk.files.create(file=("a.txt", b"{}"), purpose="assistants")
    assert refused.value.param == "purpose"


def test_an_upload_whose_answer_is_lost_makes_one_file(team: TeamHandle, api_process: Api) -> None:
    with lossy_proxy(api_process.port) as proxy:
        client = team.sdk.with_options(base_url=f"http://127.0.0.1:{proxy.port}/v1", max_retries=4)
        proxy.lose(2, lambda request: request.startswith(b"POST /v1/files "))
        file = client.files.create(file=("tea.jsonl", chat_file()), purpose="fine-tune")
    assert proxy.lost == 2
    assert [one.id for one in team.sdk.files.list()] == [file.id]


def test_a_retried_upload_of_other_bytes_or_another_name_is_another_file(team: TeamHandle) -> None:
    def send(name: str, content: bytes) -> str:
        file = team.sdk.files.create(
            file=(name, content), purpose="fine-tune", extra_headers={"x-stainless-retry-count": "1"}
        )
        return file.id

    assert len({send("a.jsonl", b"{}"), send("a.jsonl", b"[]"), send("b.jsonl", b"{}")}) == 3
    assert send("a.jsonl", b"{}") == send("a.jsonl", b"{}")


def test_an_idempotent_upload_happens_once(team: TeamHandle) -> None:
    def send_once(content: bytes) -> str:
        return team.sdk.files.create(
            file=("train.jsonl", content), purpose="fine-tune", extra_headers={"Idempotency-Key": "k1"}
        ).id

    assert send_once(b"{}") == send_once(b"{}")
    assert len(list(team.sdk.files.list())) == 1
    with pytest.raises(ConflictError):
        send_once(b"[]")
