"""What happens when the provider misbehaves, scripted through the trainer's control API."""

from collections.abc import Iterable
from decimal import Decimal

import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from tests.gateway.rows import entries_of, holds_left
from tests.support.service import Service, TeamHandle
from tests.support.trainer_process import TrainerProcess

MODEL = "sandbox-mini"
MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]
PATH = "chat/completions"


def ask(team: TeamHandle) -> openai.types.chat.ChatCompletion:
    return team.sdk.chat.completions.create(model=MODEL, messages=MESSAGES)  # type: ignore[arg-type]


def stream(team: TeamHandle) -> Iterable[ChatCompletionChunk]:
    return team.sdk.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)  # type: ignore[call-overload,no-any-return]


def test_a_throttled_provider_is_told_with_its_retry_after(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team()
    trainer.control.fault(
        "status",
        PATH,
        status=429,
        type="requests",
        code="rate_limit_exceeded",
        message="Rate limit reached for sandbox-mini in organization org-secretname on requests per min.",
        headers={"retry-after": "7", "x-request-id": "req_of_the_provider"},
    )
    with pytest.raises(openai.RateLimitError) as refused:
        ask(team)
    assert refused.value.response.headers["retry-after"] == "7"
    assert refused.value.code == "rate_limit_exceeded"
    assert "org-secretname" not in refused.value.response.text
    assert refused.value.request_id != "req_of_the_provider"
    assert not entries_of(team.id)
    assert not holds_left(team.id)


@pytest.mark.parametrize("status", [500, 503])
def test_a_failing_provider_keeps_its_status_and_costs_nothing(
    service: Service, trainer: TrainerProcess, status: int
) -> None:
    team = service.make_team()
    trainer.control.fault("status", PATH, status=status)
    with pytest.raises(openai.InternalServerError) as failed:
        ask(team)
    assert failed.value.status_code == status
    assert not entries_of(team.id)
    assert not holds_left(team.id)
    assert ask(team).choices


@pytest.mark.parametrize("status", [502, 504, 524])
def test_a_proxy_that_does_not_know_the_outcome_is_charged_as_uncertain(
    service: Service, trainer: TrainerProcess, status: int
) -> None:
    team = service.make_team()
    trainer.control.fault("status", PATH, status=status)
    with pytest.raises(openai.InternalServerError) as failed:
        team.sdk.chat.completions.create(model=MODEL, messages=MESSAGES, max_tokens=70)  # type: ignore[arg-type]
    assert failed.value.status_code == status
    assert uncertain_output(team) == 70
    assert not holds_left(team.id)


def test_a_refused_provider_key_is_our_problem_not_the_callers(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    trainer.control.fault(
        "status", PATH, status=401, message=f"Incorrect API key provided: {trainer.api_key}."
    )
    with pytest.raises(openai.InternalServerError) as failed:
        ask(team)
    assert failed.value.status_code == 502
    assert failed.value.code == "provider_key_refused"
    assert trainer.api_key not in failed.value.response.text


def test_a_connection_dropped_before_any_answer_is_tried_again(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    trainer.control.fault("drop_before", PATH)
    assert ask(team).choices
    assert len({row.subject_id for row in entries_of(team.id)}) == 1


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_request_whose_outcome_is_unknown_is_charged_as_uncertain(
    service: Service, trainer: TrainerProcess, kind: str
) -> None:
    team = service.make_team()
    trainer.control.fault(kind, PATH, times=3)
    with pytest.raises(openai.InternalServerError) as failed:
        team.sdk.chat.completions.create(model=MODEL, messages=MESSAGES, max_tokens=70)  # type: ignore[arg-type]
    assert failed.value.status_code == 502
    assert uncertain_output(team) == 70
    assert not holds_left(team.id)


def test_a_stream_cut_in_the_middle_says_so_and_charges_what_came(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    trainer.control.answers(chunks=50)
    trainer.control.fault("cut_stream", PATH, chunks=10)
    pieces = []
    with pytest.raises(openai.APIError) as failed:
        pieces.extend(stream(team))
    assert failed.value.code in ("upstream_error", "stream_broken")
    rows = {row.kind: row for row in entries_of(team.id)}
    assert set(rows) == {"input_tokens", "output_tokens"}
    assert rows["output_tokens"].tags["counted_by"] == "tunehouse"
    assert rows["output_tokens"].tags["outcome"] == "cut"
    assert not holds_left(team.id)


def test_garbage_in_a_stream_ends_it_with_an_error(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team()
    trainer.control.answers(chunks=50)
    trainer.control.fault("garbage_chunk", PATH, chunks=5)
    with pytest.raises(openai.APIError) as failed:
        list(stream(team))
    assert failed.value.code == "malformed_answer"
    assert {row.tags["outcome"] for row in entries_of(team.id)} == {"cut"}
    assert not holds_left(team.id)


def test_garbage_before_anything_else_is_a_502(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team()
    trainer.control.fault("garbage_chunk", PATH, chunks=0)
    with pytest.raises(openai.InternalServerError) as failed:
        list(stream(team))
    assert failed.value.status_code == 502
    assert uncertain_output(team) == 1024


def test_an_error_in_the_stream_is_passed_on_in_our_names(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team()
    trainer.control.answers(chunks=50)
    trainer.control.fault(
        "garbage_chunk",
        PATH,
        chunks=5,
        garbage='data: {"error":{"message":"org-abcdef ran out of memory","code":"oom"}}\n\n',
    )
    with pytest.raises(openai.APIError) as failed:
        list(stream(team))
    assert failed.value.code == "oom"
    assert failed.value.message == "[organization] ran out of memory"


@pytest.mark.parametrize("streaming", [False, True])
def test_without_the_providers_count_the_tokens_are_counted_here(
    service: Service, trainer: TrainerProcess, streaming: bool
) -> None:
    team = service.make_team()
    said = ask(team).usage
    assert said is not None
    trainer.control.fault("no_usage", PATH)
    list(stream(team)) if streaming else ask(team)
    counted = [row for row in entries_of(team.id) if row.tags["counted_by"] == "tunehouse"]
    assert {row.kind: row.quantity for row in counted} == {
        "input_tokens": said.prompt_tokens,
        "output_tokens": said.completion_tokens,
    }


def test_an_answer_that_is_no_json_is_a_502_and_uncertain(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team()
    trainer.control.fault("status", PATH, status=200, body="<html>hello</html>")
    with pytest.raises(openai.InternalServerError) as failed:
        ask(team)
    assert failed.value.code == "malformed_answer"
    assert uncertain_output(team) == 1024
    assert not holds_left(team.id)


def uncertain_output(team: TeamHandle) -> Decimal:
    """The output tokens charged as uncertain."""
    rows = {row.kind: row for row in entries_of(team.id)}
    assert {row.tags["outcome"] for row in rows.values()} == {"uncertain"}
    assert (rows["output_tokens"].state, rows["input_tokens"].state) == ("uncertain", None)
    return rows["output_tokens"].quantity
