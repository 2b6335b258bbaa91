"""A provider's numbers are believed within what was possible."""

import json
from decimal import Decimal
from typing import Any

import pytest

from service.catalog.price import PriceKind
from service.gateway.metering import belief
from service.gateway.metering.usage import Usage
from tests.gateway.rows import entries_of, holds_left
from tests.support.service import Service, TeamHandle
from tests.support.trainer_process import TrainerProcess

MODEL = "sandbox-large"
PATH = "chat/completions"
HELLO = [{"role": "user", "content": "Hello there"}]
HUGE = 2**53 - 1


def answer_with(usage: Any, text: str = "General Kenobi") -> str:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"id": "x", "model": MODEL, "choices": [choice], "usage": usage})


def chunk(text: str | None, usage: Any = None, finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish_reason}
    return {"id": "x", "model": MODEL, "choices": [choice]} | ({"usage": usage} if usage else {})


def chat(team: TeamHandle, **fields: Any) -> Any:
    return team.http.post(
        "/v1/chat/completions", json={"model": MODEL, "messages": HELLO, "max_tokens": 20} | fields
    )


def test_more_tokens_than_possible_are_charged_at_the_bound_and_flagged(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team(budget_usd="1")
    usage = {"prompt_tokens": HUGE, "completion_tokens": HUGE}
    trainer.control.fault("status", PATH, status=200, body=answer_with(usage))
    assert chat(team, n=2).status_code == 200
    rows = {row.kind: row for row in entries_of(team.id)}
    assert rows["output_tokens"].quantity == 2 * 20
    assert rows["input_tokens"].quantity < 2000
    assert {row.state for row in rows.values()} == {"implausible"}
    reviews = service.admin.get("/v1/costs/review", params={"limit": 100}).json()["data"]
    claims = [
        review["claimed"] for review in reviews if review["subject_id"] == rows["input_tokens"].subject_id
    ]
    assert [Decimal(claim) for claim in claims] == [HUGE, HUGE]


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {"prompt_tokens": -5, "completion_tokens": 3},
        {"prompt_tokens": True, "completion_tokens": 3},
        {"prompt_tokens": "9", "completion_tokens": 3},
        {"prompt_tokens": 1.5, "completion_tokens": 3},
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": 9},
    ],
)
def test_a_report_that_cannot_be_used_is_replaced_by_our_count_and_flagged(
    service: Service, trainer: TrainerProcess, usage: Any
) -> None:
    team = service.make_team()
    trainer.control.fault("status", PATH, status=200, body=answer_with(usage))
    assert chat(team).status_code == 200
    rows = {row.kind: row for row in entries_of(team.id)}
    assert rows["input_tokens"].quantity == 9
    assert rows["output_tokens"].quantity == 3
    assert rows["input_tokens"].state == "implausible"
    assert rows["input_tokens"].tags["counted_by"] == "tunehouse"


@pytest.mark.parametrize(("budget_usd", "state"), [("1", None), ("0.02", "above_budget")])
def test_a_whole_answer_longer_than_its_hold_is_held_first_or_flagged(
    service: Service, trainer: TrainerProcess, budget_usd: str, state: str | None
) -> None:
    team = service.make_team(budget_usd=budget_usd)  # $8 a million tokens: 1,024 are held, and 3,000 are used
    usage = {"prompt_tokens": 9, "completion_tokens": 3000}
    trainer.control.fault("status", PATH, status=200, body=answer_with(usage))
    assert chat(team, max_tokens=None).status_code == 200
    rows = {row.kind: row for row in entries_of(team.id)}
    assert (rows["output_tokens"].quantity, rows["output_tokens"].state) == (3000, state)
    assert rows["input_tokens"].state is None
    reviews = service.admin.get("/v1/costs/review", params={"limit": 100}).json()["data"]
    found = [
        (Decimal(one["claimed"]), Decimal(one["bound"]))
        for one in reviews
        if one["subject_id"] == rows["output_tokens"].subject_id
    ]
    assert found == ([(3000, 1024)] if state else [])
    assert not holds_left(team.id)


def test_an_endless_stream_is_cut_and_charged_what_was_asked_for(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team(budget_usd="1")
    trainer.control.answers(chunks=20_000)
    with team.http.stream(
        "POST",
        "/v1/chat/completions",
        json={"model": MODEL, "messages": HELLO, "max_tokens": 5, "stream": True},
    ) as answer:
        received = "".join(answer.iter_text())
    assert "stream_too_long" in received
    assert received.count("data: ") < 2000
    rows = {row.kind: row for row in entries_of(team.id)}
    assert (rows["output_tokens"].quantity, rows["output_tokens"].state) == (5, "implausible")
    assert not holds_left(team.id)


def test_a_stream_without_a_limit_ends_where_the_budget_does(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team(budget_usd="0.02")  # $8 a million tokens: room for 2,500
    trainer.control.answers(chunks=20_000)
    with team.http.stream(
        "POST", "/v1/chat/completions", json={"model": MODEL, "messages": HELLO, "stream": True}
    ) as answer:
        received = "".join(answer.iter_text())
    assert "budget_exceeded" in received
    spent = sum((row.amount_usd for row in entries_of(team.id)), Decimal(0))
    assert Decimal("0.005") < spent <= Decimal("0.02")
    assert not holds_left(team.id)


def test_fewer_tokens_than_were_passed_on_are_counted_and_flagged(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    text = "The quick brown fox jumps over the lazy dog. " * 100
    trainer.control.fault(
        "status", PATH, status=200, body=answer_with({"prompt_tokens": 9, "completion_tokens": 3}, text)
    )
    assert chat(team, max_tokens=2000).status_code == 200
    rows = {row.kind: row for row in entries_of(team.id)}
    assert rows["output_tokens"].quantity == 1001
    assert (rows["output_tokens"].state, rows["input_tokens"].state) == ("implausible", None)


def test_what_the_model_did_not_write_is_not_counted_against_a_report(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    sealed = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABn3kQ" * 1000}
    logprobs = [{"token": f"word{number}", "logprob": -0.1, "top_logprobs": []} for number in range(500)]
    text = {"type": "output_text", "text": "General Kenobi", "annotations": [], "logprobs": logprobs}
    message = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [text],
    }
    called = {"type": "mcp_call", "id": "mcp_1", "name": "look", "arguments": "{}", "output": "word " * 2000}
    usage = {"input_tokens": 50, "output_tokens": 150, "total_tokens": 200}
    body = {"id": "x", "object": "response", "output": [sealed, called, message], "usage": usage}
    trainer.control.fault("status", "responses", status=200, body=json.dumps(body))
    asked = {"model": MODEL, "input": [sealed, {"role": "user", "content": "Hello there"}]}
    assert team.http.post("/v1/responses", json=asked).status_code == 200
    rows = {row.kind: row for row in entries_of(team.id)}
    assert {kind: (row.quantity, row.tags["counted_by"]) for kind, row in rows.items()} == {
        "input_tokens": (50, "provider"),
        "output_tokens": (150, "provider"),
    }


def test_a_prompt_that_a_completion_repeats_is_not_counted_as_output(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    prompt = "word " * 1000
    answer = team.sdk.completions.create(model="sandbox-mini", prompt=prompt, extra_body={"echo": True})
    assert answer.choices[0].text.startswith(prompt)
    assert answer.usage is not None
    rows = {row.kind: row for row in entries_of(team.id)}
    assert rows["output_tokens"].quantity == answer.usage.completion_tokens
    assert {row.state for row in rows.values()} == {None}


def test_a_stream_that_repeats_its_prompt_is_not_taken_for_endless(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    body = {"model": MODEL, "prompt": "word " * 1000, "echo": True, "max_tokens": 5, "stream": True}
    answer = team.http.post("/v1/completions", json=body)
    assert answer.text.endswith("data: [DONE]\n\n")
    rows = {row.kind: row for row in entries_of(team.id)}
    assert rows["output_tokens"].quantity <= 5
    assert {row.state for row in rows.values()} == {None}


def test_a_response_whose_text_is_longer_than_its_report_is_counted(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    text = {"type": "output_text", "text": "The quick brown fox jumps over the lazy dog. " * 100}
    call = {"type": "function_call", "call_id": "c", "name": "look", "arguments": '{"at": "tea"}'}
    usage = {"input_tokens": 9, "output_tokens": 3}
    output = [{"type": "message", "role": "assistant", "status": "completed", "content": [text]}, call]
    body = json.dumps({"id": "x", "object": "response", "output": output, "usage": usage})
    trainer.control.fault("status", "responses", status=200, body=body)
    assert team.http.post("/v1/responses", json={"model": MODEL, "input": "Hello there"}).status_code == 200
    rows = {row.kind: row for row in entries_of(team.id)}
    assert rows["output_tokens"].state == "implausible"
    assert 1001 < rows["output_tokens"].quantity < 1020


def test_a_long_prompt_that_is_reported_as_short_is_counted_and_flagged(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    trainer.control.fault(
        "status", PATH, status=200, body=answer_with({"prompt_tokens": 5, "completion_tokens": 3})
    )
    assert chat(team, messages=[{"role": "user", "content": "word " * 1000}]).status_code == 200
    rows = {row.kind: row for row in entries_of(team.id)}
    assert (rows["input_tokens"].quantity, rows["input_tokens"].state) == (1008, "implausible")


def test_a_usage_report_in_mid_stream_does_not_stand_for_the_rest(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    events = [
        chunk("The quick brown fox jumps over the lazy dog. ", {"prompt_tokens": 9, "completion_tokens": 1}),
        *[chunk("The quick brown fox jumps over the lazy dog. ")] * 30,
    ]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    trainer.control.fault("status", PATH, status=200, body=body)
    assert "stream_broken" in chat(team, stream=True, max_tokens=2000).text
    rows = {row.kind: row for row in entries_of(team.id)}
    assert (rows["output_tokens"].quantity, rows["output_tokens"].state) == (311, "implausible")
    assert not holds_left(team.id)


def test_a_report_of_nothing_in_mid_stream_is_no_report(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team()
    body = f"data: {json.dumps(chunk('General Kenobi', {'prompt_tokens': 0, 'completion_tokens': 0}))}\n\n"
    trainer.control.fault("status", PATH, status=200, body=body)
    assert "stream_broken" in chat(team, stream=True).text
    rows = {row.kind: row for row in entries_of(team.id)}
    assert (rows["input_tokens"].quantity, rows["output_tokens"].quantity) == (9, 3)
    assert rows["input_tokens"].tags["counted_by"] == "tunehouse"


def test_of_two_usage_reports_in_a_stream_the_last_counts(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team()
    events = [
        chunk("Hi", {"prompt_tokens": 9, "completion_tokens": 1}),
        chunk(None, finish_reason="stop"),
        chunk(None, {"prompt_tokens": 9, "completion_tokens": 2}) | {"choices": []},
    ]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    trainer.control.fault("status", PATH, status=200, body=body)
    assert chat(team, stream=True).text.endswith("data: [DONE]\n\n")
    rows = {row.kind: row for row in entries_of(team.id)}
    assert (rows["output_tokens"].quantity, rows["output_tokens"].state) == (2, None)


def test_a_stream_cut_while_a_model_may_be_reasoning_is_uncertain() -> None:
    counted = Usage(9, 5, counted_by="tunehouse")
    assert belief.cut_short(counted, 100, reasons=False) == (counted, {})
    usage, reviews = belief.cut_short(counted, 100, reasons=True)
    assert (usage.input_tokens, usage.output_tokens) == (9, 100)
    assert reviews[PriceKind.OUTPUT_TOKENS].state == "uncertain"


def test_a_report_within_the_bounds_is_taken_as_it_is() -> None:
    said = Usage(100, 20, {PriceKind.CACHED_INPUT_TOKENS: 40})
    assert belief.within(said, belief.Bounds(100, 20)) == (said, {})
