"""Legacy completions and responses."""

import pytest

from tests.gateway.rows import entries_of
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess

MODEL = "sandbox-mini"


def test_a_completion_is_answered_and_charged(service: Service) -> None:
    team = service.make_team()
    answer = team.sdk.completions.create(model=MODEL, prompt=["One", "Two"], max_tokens=20)
    assert len(answer.choices) == 2
    assert answer.id.startswith("cmpl-")
    assert answer.usage is not None
    by_kind = {row.kind: row.quantity for row in entries_of(team.id)}
    assert by_kind["output_tokens"] == answer.usage.completion_tokens


def test_a_streamed_completion_is_charged_once_all_its_choices_have_ended(service: Service) -> None:
    team = service.make_team()
    chunks = list(team.sdk.completions.create(model=MODEL, prompt="One", n=2, max_tokens=20, stream=True))
    assert {choice.index for chunk in chunks for choice in chunk.choices} == {0, 1}
    assert {row.subject_id for row in entries_of(team.id)} == {chunks[0].id}


def test_a_response_is_answered_and_charged(service: Service) -> None:
    team = service.make_team()
    answer = team.sdk.responses.create(model=MODEL, input="Hello")
    assert answer.output_text
    assert answer.model == MODEL
    assert answer.usage is not None
    rows = entries_of(team.id)
    assert {row.subject_id for row in rows} == {answer.id}
    assert {row.kind: row.quantity for row in rows} == {
        "input_tokens": answer.usage.input_tokens,
        "output_tokens": answer.usage.output_tokens,
    }


def test_a_streamed_response_carries_our_names_in_every_event(service: Service) -> None:
    team = service.make_team()
    events = list(team.sdk.responses.create(model=MODEL, input="Hello", stream=True))
    assert events[-1].type == "response.completed"
    whole = [event.response for event in events if hasattr(event, "response")]
    assert {(one.id, one.model) for one in whole} == {(entries_of(team.id)[0].subject_id, MODEL)}


def test_a_response_cut_in_the_middle_says_so(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team()
    trainer.control.answers(chunks=50)
    trainer.control.fault("cut_stream", "responses", chunks=12)
    events = list(team.sdk.responses.create(model=MODEL, input="Hello", stream=True))
    assert events[-1].type == "error"
    assert events[-1].code == "upstream_error"
    assert {row.tags["outcome"] for row in entries_of(team.id)} == {"cut"}


@pytest.mark.parametrize(
    "field", [{"previous_response_id": "resp_123"}, {"conversation": "conv_1"}, {"background": True}]
)
def test_state_kept_at_the_provider_is_refused(service: Service, field: dict[str, object]) -> None:
    team = service.make_team()
    answer = team.http.post("/v1/responses", json={"model": MODEL, "input": "Hello"} | field)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] in field


def test_the_provider_is_told_to_store_nothing(service: Service) -> None:
    team = service.make_team()
    answer = team.http.post("/v1/responses", json={"model": MODEL, "input": "Hello", "store": True})
    assert answer.status_code == 200
