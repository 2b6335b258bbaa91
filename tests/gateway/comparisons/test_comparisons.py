"""A comparison of two models, through HTTP, with a real worker."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import openai
import pytest
from sqlalchemy import func, update

from service.core.db import transaction
from service.core.work import WorkItem
from service.jobs.repair import release_orphans
from service.ledger.actions import end_expired
from service.ledger.tables import HoldRow
from service.providers.bounds import INFERENCE
from tests.gateway.rows import entries_of, holds_left
from tests.jobs.story import run, upload
from tests.support.data import chat_example, chat_file, jsonl
from tests.support.processes import Worker
from tests.support.service import Service, TeamHandle
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

BASE = "sandbox-mini"
PATH = "chat/completions"


def order(team: TeamHandle, file_id: str, **changes: Any) -> dict[str, Any]:
    body = {"models": [BASE, "sandbox-large"], "file_id": file_id, "grader": "exact_match"} | changes
    answer = team.http.post("/v1/comparisons", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def end(team: TeamHandle, comparison_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = dict(team.http.get(f"/v1/comparisons/{comparison_id}").json())
        return found if found["status"] in ("completed", "failed") else None

    return wait_until(look)


def test_a_tuned_model_beats_its_base_on_what_it_learned(service: Service, worker: Worker) -> None:
    team = service.make_team(budget_usd="20")
    held_out = upload(team.sdk, chat_file(12))
    model = run(team.sdk, training_file=held_out.id).fine_tuned_model
    made = order(team, held_out.id, models=[BASE, model], grader="string_similarity")
    assert made["status"] == "queued"
    ended = end(team, made["id"])
    base, tuned = ended["models"]
    assert (base["model"], tuned["model"]) == (BASE, model)
    assert (tuned["wins"], tuned["losses"], base["losses"], ended["graded"]) == (12, 0, 12, 12)
    assert tuned["mean_score"] > base["mean_score"]
    assert tuned["latency_ms_p50"] >= 0

    rows = [row for row in entries_of(team.id) if row.tags.get("endpoint") == "comparisons"]
    assert len({row.subject_id for row in rows}) == 24
    assert sum(row.amount_usd for row in rows) == Decimal(ended["cost_usd"]) > 0
    assert Decimal(base["cost_usd"]) + Decimal(tuned["cost_usd"]) == Decimal(ended["cost_usd"])
    assert not holds_left(team.id)

    page = team.http.get(f"/v1/comparisons/{made['id']}", headers={"accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert f"<h1>{BASE} and {model}</h1>" in page.text
    listed = team.http.get("/v1/comparisons").json()["data"]
    assert [(one["id"], one["models"]) for one in listed] == [(made["id"], ended["models"])]


def test_a_judge_decides_and_is_paid(service: Service, worker: Worker) -> None:
    team = service.make_team(budget_usd="20")
    file = upload(team.sdk)
    made = order(team, file.id, grader="judge", judge_model="sandbox-large", max_prompts=3)
    ended = end(team, made["id"])
    assert ended["status"] == "completed"
    assert Decimal(ended["judge_cost_usd"]) > 0
    assert sum(side["wins"] for side in ended["models"]) + ended["models"][0]["ties"] == 3
    assert all(one["judge"] for one in ended["results"])
    assert {row.kind for row in entries_of(team.id)} == {"input_tokens", "output_tokens"}


def test_answers_are_shown_as_text_and_never_run(service: Service, worker: Worker) -> None:
    team = service.make_team()
    script = "<script>alert(1)</script>"
    file = upload(team.sdk, jsonl(chat_example(f"Question {number}?", script) for number in range(12)))
    model = run(team.sdk, training_file=file.id).fine_tuned_model
    made = order(team, file.id, models=[BASE, model], grader="string_similarity", max_prompts=2)
    assert end(team, made["id"])["models"][1]["wins"] == 2
    page = team.http.get(f"/v1/comparisons/{made['id']}", headers={"accept": "text/html"}).text
    assert script not in page
    assert "&lt;script&gt;" in page


def test_a_provider_in_trouble_is_asked_again_and_a_refusal_is_a_lost_prompt(
    service: Service, worker: Worker, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    file = upload(team.sdk)
    trainer.control.fault("status", PATH, status=429, times=1)
    trainer.control.fault("status", PATH, status=400, message="This prompt is refused.", times=1)
    ended = end(team, order(team, file.id, max_prompts=3)["id"])
    assert ended["status"] == "completed"
    assert sum(side["failed"] for side in ended["models"]) == 1
    errors = [one[side]["error"] for one in ended["results"] for side in ("first", "second")]
    assert [error for error in errors if error] == ["This prompt is refused."]


def test_impossible_reports_are_bounded_and_unknown_outcomes_are_charged(
    service: Service, worker: Worker, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    file = upload(team.sdk)
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 2**53 - 1, "completion_tokens": 2**53 - 1}
    huge = json.dumps({"id": "x", "choices": [choice], "usage": usage})
    trainer.control.fault("status", PATH, status=200, body=huge, times=1)
    trainer.control.fault("status", PATH, status=502, times=1)
    ended = end(team, order(team, file.id, max_prompts=3, max_output_tokens=50)["id"])
    assert (ended["status"], sum(side["failed"] for side in ended["models"])) == ("completed", 0)
    rows = [row for row in entries_of(team.id) if row.kind == "output_tokens"]
    flagged = {row.state: row.quantity for row in rows if row.state}
    assert flagged == {"implausible": 50, "uncertain": 50}
    assert {row.tags["outcome"] for row in rows if row.state == "uncertain"} == {"uncertain"}
    assert len(rows) == 7
    assert not holds_left(team.id)


def test_an_answer_larger_than_any_model_writes_is_not_read_and_charged_as_unknown(
    service: Service, worker: Worker, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    file = upload(team.sdk)
    choice = {"index": 0, "message": {"role": "assistant", "content": "x" * INFERENCE.size_bytes}}
    usage = {"prompt_tokens": 9, "completion_tokens": 3}
    endless = json.dumps({"id": "x", "choices": [choice], "usage": usage})
    trainer.control.fault("status", PATH, status=200, body=endless, times=1)
    ended = end(team, order(team, file.id, max_prompts=2, max_output_tokens=50)["id"])
    assert (ended["status"], sum(side["failed"] for side in ended["models"])) == ("completed", 1)
    flagged = {row.state: row.quantity for row in entries_of(team.id) if row.state}
    assert flagged == {"uncertain": 50}
    assert not holds_left(team.id)


def test_a_killed_worker_leaves_each_prompt_on_record_once(
    service: Service, worker: Worker, trainer: TrainerProcess
) -> None:
    team = service.make_team(budget_usd="5")
    file = upload(team.sdk, chat_file(20))
    trainer.control.answers(latency_s=0.1)
    made = order(team, file.id)
    wait_until(lambda: len(entries_of(team.id)) >= 10)
    worker.kill()
    with transaction() as session:  # a chore that looks for holds without their work
        assert release_orphans(session, 10) == []
    assert holds_left(team.id) >= 1
    recorded = len(entries_of(team.id))
    with transaction() as session:  # the dead worker's lease ends
        session.execute(update(WorkItem).values(leased_until=func.now()))
    worker.start()
    ended = end(team, made["id"])
    assert (ended["status"], ended["graded"]) == ("completed", 20)
    with transaction() as session:  # the notes of the calls in flight
        session.execute(update(HoldRow).values(expires_at=func.now() - timedelta(seconds=1)))
        end_expired(session, 10)
    known = [row for row in entries_of(team.id) if row.tags["outcome"] != "uncertain"]
    asked = [row.subject_id for row in known if row.kind == "input_tokens"]
    assert len(asked) == len(set(asked)) == 40 > recorded / 2
    assert sum(row.amount_usd for row in known) == Decimal(ended["cost_usd"])
    assert not holds_left(team.id)


def test_calls_that_a_killed_worker_had_sent_are_charged_as_uncertain(
    service: Service, worker: Worker, trainer: TrainerProcess
) -> None:
    team = service.make_team(budget_usd="5")
    file = upload(team.sdk)
    trainer.control.answers(latency_s=60)
    made = order(team, file.id, max_prompts=2, max_output_tokens=50)
    wait_until(lambda: holds_left(team.id) == 5)  # the comparison's own, and a note for each of four calls
    worker.kill()
    trainer.control.answers(latency_s=0)
    with transaction() as session:  # the dead worker's lease and notes end
        session.execute(update(WorkItem).values(leased_until=func.now()))
        session.execute(
            update(HoldRow)
            .where(HoldRow.expires_at.is_not(None))
            .values(expires_at=func.now() - timedelta(seconds=1))
        )
        assert end_expired(session, 10) == 4
    worker.start()
    ended = end(team, made["id"])
    assert (ended["status"], ended["graded"]) == ("completed", 2)
    rows = [row for row in entries_of(team.id) if row.kind == "output_tokens"]
    uncertain = [row for row in rows if row.state == "uncertain"]
    assert len(rows) == 8
    assert [row.quantity for row in uncertain] == [50] * 4
    assert {row.tags["comparison"] for row in rows} == {made["id"]}
    assert {row.tags["endpoint"] for row in rows} == {"comparisons"}
    assert not holds_left(team.id)


def test_a_budget_that_cannot_pay_for_all_of_it_refuses(service: Service, worker: Worker) -> None:
    team = service.make_team(budget_usd="0.0001")
    file = upload(team.sdk)
    refused = team.http.post(
        "/v1/comparisons", json={"models": [BASE, BASE], "file_id": file.id, "grader": "exact_match"}
    )
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "budget_exceeded"
    assert not holds_left(team.id)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"models": [BASE]}, 400),
        ({"models": [BASE, "no-such-model"]}, 404),
        ({"file_id": "file-nothing"}, 404),
        ({"grader": "judge"}, 400),
        ({"judge_model": BASE}, 400),
        ({"max_prompts": 201}, 400),
    ],
)
def test_what_cannot_be_compared_is_refused(service: Service, changes: dict[str, Any], status: int) -> None:
    team = service.make_team()
    body = {"models": [BASE, BASE], "file_id": "file-x", "grader": "exact_match"} | changes
    assert team.http.post("/v1/comparisons", json=body).status_code == status


def test_the_file_of_a_comparison_stays_until_it_ends(
    service: Service, worker: Worker, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    file = upload(team.sdk)
    trainer.control.answers(latency_s=0.2)
    made = order(team, file.id, max_prompts=4)
    with pytest.raises(openai.ConflictError):
        team.sdk.files.delete(file.id)
    trainer.control.answers()
    end(team, made["id"])
    assert team.sdk.files.delete(file.id).deleted
