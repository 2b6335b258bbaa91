"""Tuned models are called by our names, and the provider's never show."""

from decimal import Decimal

import openai
import pytest

from tests.gateway.rows import entries_of
from tests.jobs.story import run
from tests.support.processes import Worker
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess

MESSAGES = [{"role": "user", "content": "When are you open?"}]
PATH = "chat/completions"


def test_a_tuned_model_answers_under_our_name_and_is_charged_at_its_price(
    service: Service, worker: Worker, upstream: openai.OpenAI
) -> None:
    team = service.make_team()
    model = run(team.sdk).fine_tuned_model
    assert model is not None
    theirs = [one.id for one in upstream.models.list() if one.id.startswith("ft:")]
    raw = team.sdk.chat.completions.with_raw_response.create(model=model, messages=MESSAGES)
    streamed = team.sdk.chat.completions.with_raw_response.create(model=model, messages=MESSAGES, stream=True)
    for text in (raw.http_response.text, "".join(streamed.http_response.iter_text())):
        assert f'"model":"{model}"' in text
        assert not any(f'"{name}"' in text for name in theirs)
    rows = [row for row in entries_of(team.id) if row.kind == "output_tokens"]
    assert {row.price_usd for row in rows} == {Decimal("1.2")}
    assert {(row.model, row.base_model) for row in rows} == {(model, "sandbox-mini")}


def test_a_model_that_is_new_is_given_a_moment_to_be_found(
    service: Service, worker: Worker, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    model = run(team.sdk).fine_tuned_model
    assert model is not None
    trainer.control.fault("status", PATH, status=404, code="model_not_found", times=2)
    assert team.sdk.chat.completions.create(model=model, messages=MESSAGES).choices


def test_a_base_that_is_not_found_is_told_at_once(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team()
    trainer.control.fault("status", PATH, status=404, code="model_not_found")
    with pytest.raises(openai.NotFoundError):
        team.sdk.chat.completions.create(model="sandbox-mini", messages=MESSAGES)


def test_what_the_provider_says_of_a_model_is_said_of_ours(
    service: Service, worker: Worker, trainer: TrainerProcess, upstream: openai.OpenAI
) -> None:
    team = service.make_team()
    model = run(team.sdk).fine_tuned_model
    assert model is not None
    known = {one.id for one in upstream.models.list() if one.id.startswith("ft:")}
    for theirs in known:
        trainer.control.fault("status", PATH, status=400, message=f"The model `{theirs}` is overloaded.")
        with pytest.raises(openai.BadRequestError) as refused:
            team.sdk.chat.completions.create(model=model, messages=MESSAGES)
        assert theirs not in refused.value.message


def test_another_teams_model_does_not_exist(service: Service, worker: Worker) -> None:
    owner, other = service.make_team(), service.make_team()
    model = run(owner.sdk).fine_tuned_model
    assert model is not None
    with pytest.raises(openai.NotFoundError) as unknown:
        other.sdk.chat.completions.create(model=model, messages=MESSAGES)
    assert unknown.value.code == "model_not_found"
