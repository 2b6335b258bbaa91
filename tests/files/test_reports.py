"""Reports, policies and complete error lists, against real processes."""

import json

import pytest

from service.core import clock
from service.core.db import transaction
from service.models.tables import TunedModel
from tests.dataset.examples import chat, chats, jsonl
from tests.files.storing import contents, send
from tests.support.service import Service, TeamHandle
from tests.support.waiting import wait_until

LEAKY = jsonl([*chats(12), chat("my key is sk-proj-abcdefghijklmnopqrstuvwx", "Thanks.")])


def test_a_secret_keeps_a_file_from_being_trained_on_unless_policy_allows_it(
    team: TeamHandle, service: Service
) -> None:
    assert team.http.get("/v1/dataset_policy").json()["errors"] == ["secret"]
    file = send(team.sdk, LEAKY)
    assert file.status == "error"
    assert "seems to contain a secret: sk-p…" in str(file.status_details)
    assert "abcdefghijklmnopqrstuvwx" not in team.http.get(f"/v1/files/{file.id}/report").text
    assert team.http.put("/v1/dataset_policy", json={"errors": []}).status_code == 200
    file = send(team.sdk, LEAKY)
    assert file.status == "processed"
    assert team.http.get(f"/v1/files/{file.id}/report").json()["warning_counts"]["secret"] == 1
    assert service.make_team().http.get("/v1/dataset_policy").json()["errors"] == ["secret"]


def test_a_policy_names_warnings_there_are(team: TeamHandle, service: Service) -> None:
    assert team.http.put("/v1/dataset_policy", json={"errors": ["nonsense"]}).status_code == 400
    reader = service.make_team(scopes=["read"])
    assert reader.http.put("/v1/dataset_policy", json={"errors": []}).status_code == 403


def test_all_errors_can_be_downloaded(team: TeamHandle) -> None:
    before = contents()
    file = send(team.sdk, b"oops\n" * 3000)
    said = [json.loads(line) for line in team.http.get(f"/v1/files/{file.id}/errors").text.splitlines()]
    assert len(said) == 3001
    assert said[2999] == {
        "line": 3000,
        "path": "",
        "code": "invalid_json",
        "message": "is not JSON at column 1: expected a JSON object, which starts with '{'",
    }
    team.sdk.files.delete(file.id)
    wait_until(lambda: contents() == before)


def test_few_errors_can_be_downloaded_too(team: TeamHandle) -> None:
    file = send(team.sdk, jsonl([*chats(9), {"messages": []}]))
    assert json.loads(team.http.get(f"/v1/files/{file.id}/errors").text)["code"] == "empty_content"
    assert team.http.get(f"/v1/files/{send(team.sdk, jsonl(chats(12))).id}/errors").text == ""


def test_a_report_is_a_page_for_a_browser(team: TeamHandle) -> None:
    odd = chat() | {"<script>alert(1)</script>": 1}
    file = send(team.sdk, jsonl([*chats(12), odd]), "<b>tea</b>.jsonl")
    answer = team.http.get(f"/v1/files/{file.id}/report", headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "&lt;script&gt;" in answer.text
    assert "<script" not in answer.text
    assert "<b>tea" not in answer.text
    assert "cannot be trained on" in answer.text
    for told in (
        "Errors",
        "What is in it",
        "Tokens per example",
        "Cost of one run",
        "sandbox-mini",
        "Advice",
    ):
        assert told in answer.text


def test_rows_shared_with_the_validation_file_are_told(team: TeamHandle, service: Service) -> None:
    training = send(team.sdk, jsonl(chats(30)))
    validation = send(team.sdk, jsonl(chats(42)[28:]).replace(b"\n", b"\r\n"), "valid.jsonl")
    report = team.http.get(
        f"/v1/files/{training.id}/report", params={"validation_file": validation.id}
    ).json()
    assert [one["line"] for one in report["warnings"] if one["code"] == "shared_with_validation"] == [29, 30]
    foreign = send(service.make_team().sdk, jsonl(chats(12)))
    asked = {"validation_file": foreign.id}
    assert team.http.get(f"/v1/files/{training.id}/report", params=asked).status_code == 404


@pytest.mark.usefixtures("worker")
def test_a_report_tells_which_models_were_trained_on_the_content(team: TeamHandle) -> None:
    first = send(team.sdk, jsonl(chats(12)))
    with transaction() as session:
        session.add(
            TunedModel(
                id="ft:sandbox-mini:team:x:12345678",
                team_id=team.id,
                kind="model",
                provider="trainer",
                provider_model="theirs",
                base_model="sandbox-mini",
                job_id="ftjob-1",
                training_file=first.id,
                created_at=clock.now(),
            )
        )
    again = send(team.sdk, jsonl(chats(12)), "again.jsonl")
    report = team.http.get(f"/v1/files/{again.id}/report").json()
    assert [model["id"] for model in report["trained_models"]] == ["ft:sandbox-mini:team:x:12345678"]
    other = send(team.sdk, jsonl(chats(13)))
    assert team.http.get(f"/v1/files/{other.id}/report").json()["trained_models"] == []
