"""Chat completions through the stock SDK, against the sandbox trainer."""

from decimal import Decimal

import pytest
from openai import APIError, BadRequestError, NotFoundError, PermissionDeniedError, RateLimitError

from tests.gateway.rows import entries_of, holds_left
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess

MODEL = "sandbox-mini"
MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]


def test_a_chat_is_answered_and_charged_with_the_providers_tokens(service: Service) -> None:
    team = service.make_team(budget_usd="1")
    answer = team.sdk.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert answer.choices[0].message.content
    assert answer.model == MODEL
    assert answer.usage is not None
    rows = entries_of(team.id)
    assert {row.kind: row.quantity for row in rows} == {
        "input_tokens": answer.usage.prompt_tokens,
        "output_tokens": answer.usage.completion_tokens,
    }
    assert {row.subject_id for row in rows} == {answer.id}
    assert all(row.tags["counted_by"] == "provider" for row in rows)
    assert not holds_left(team.id)


def test_a_stream_ends_like_openais_and_is_charged_the_same(service: Service) -> None:
    team = service.make_team()
    whole = team.sdk.chat.completions.create(model=MODEL, messages=MESSAGES)
    chunks = list(team.sdk.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert all(chunk.choices and "usage" not in chunk.model_fields_set for chunk in chunks)
    assert {chunk.model for chunk in chunks} == {MODEL}
    charged = {(row.kind, row.quantity) for row in entries_of(team.id)}
    assert len(charged) == 2, "the streamed answer costs what the whole one did"


def test_usage_in_a_stream_is_for_those_who_ask(service: Service) -> None:
    team = service.make_team()
    chunks = list(
        team.sdk.chat.completions.create(
            model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[-1].usage is not None
    assert not chunks[-1].choices
    assert chunks[0].usage is None
    by_kind = {row.kind: row.quantity for row in entries_of(team.id)}
    assert by_kind["output_tokens"] == chunks[-1].usage.completion_tokens


def test_the_rows_are_there_when_the_stream_ends(service: Service) -> None:
    team = service.make_team()
    for _ in range(20):
        with team.sdk.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True) as stream:
            ids = {chunk.id for chunk in stream}
        assert ids == {row.subject_id for row in entries_of(team.id)} & ids


def test_a_budget_that_does_not_cover_the_request_refuses_it(service: Service) -> None:
    team = service.make_team(budget_usd="0.000001")
    with pytest.raises(RateLimitError) as refused:
        team.sdk.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert refused.value.code == "budget_exceeded"
    assert refused.value.type == "insufficient_quota"
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert "limit $" in refused.value.message
    assert not entries_of(team.id)


def test_a_budget_that_runs_out_in_mid_stream_ends_the_answer_there_and_refuses_the_next(
    service: Service, trainer: TrainerProcess
) -> None:
    # What is reserved for an answer without a limit is 1,024 tokens, about $0.0006; this one is longer.
    team = service.make_team(budget_usd="0.0007")
    trainer.control.answers(chunks=4000)
    stream = team.sdk.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
    with pytest.raises(APIError) as ended:
        list(stream)
    assert ended.value.code == "budget_exceeded"
    assert (
        Decimal("0.0005")
        < sum((row.amount_usd for row in entries_of(team.id)), Decimal(0))
        <= Decimal("0.0007")
    )
    assert not holds_left(team.id)
    with pytest.raises(RateLimitError) as refused:
        team.sdk.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert refused.value.code == "budget_exceeded"


def test_a_key_without_the_scope_infer_may_not_call_models(service: Service) -> None:
    team = service.make_team(scopes=["read", "train"])
    with pytest.raises(PermissionDeniedError):
        team.sdk.chat.completions.create(model=MODEL, messages=MESSAGES)


def test_an_unknown_model_is_not_found(service: Service) -> None:
    team = service.make_team()
    with pytest.raises(NotFoundError) as unknown:
        team.sdk.chat.completions.create(model="ft:sandbox-mini:other:x:12345678", messages=MESSAGES)
    assert unknown.value.code == "model_not_found"


def test_what_the_provider_refuses_is_refused_in_its_words_and_costs_nothing(service: Service) -> None:
    team = service.make_team()
    with pytest.raises(BadRequestError):
        team.sdk.chat.completions.create(model=MODEL, messages=[{"role": "nobody", "content": "x"}])  # type: ignore[list-item]
    assert not entries_of(team.id)
    assert not holds_left(team.id)


def test_headers_tell_the_request_and_what_the_gateway_cost(service: Service) -> None:
    team = service.make_team()
    raw = team.sdk.chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES)
    assert raw.headers["x-request-id"].startswith("req_")
    assert float(raw.headers["x-tunehouse-overhead-ms"]) < 1000
