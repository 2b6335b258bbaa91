"""Bases with a tokenizer of their own: reports and estimates count as they do, each content once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service.core.db import transaction
from service.files.counting import COUNT
from service.files.tables import TokenCount
from service.jobs.admission.checks import check_admission
from service.jobs.admission.estimate import warnings
from service.jobs.admission.request import request_of_body
from service.jobs.schemas import JobCreate
from service.models.dataset_reports.routes import retrieve_report
from service.teams.access import Caller
from tests.jobs import hands
from tests.jobs.conftest import Configure
from tests.support.catalogue import own_catalogue
from tests.support.trainer_process import TrainerProcess

BASE = "gpt-4.1-mini-2025-04-14"  # a name that the sandbox offers too; here it is a base of our own
CATALOG = f"""
[[trainer.models]]
id = "{BASE}"
methods = ["supervised"]
token_limit = 65_536
context_tokens = 65_536
encoding = "o200k_base"
counts_tokens = true

[[trainer.prices]]
source = "tests/jobs/test_counted_tokens.py"
effective_from = 2026-01-01
unit = "tokens"
unit_quantity = 1_000_000

[trainer.prices.usd]
"{BASE}" = {{ training_tokens = "1" }}
"""
ROUTE = "/v1/fine_tuning/token_counts"
LINES = 12  # of the file that `make_file` makes
COUNTED = {"object": "token_counts", "model": BASE, "data": [7] * (LINES - 1) + [40], "truncated": 1}


@pytest.fixture(autouse=True)
def _own_base(configure: Configure, trainer: TrainerProcess, tmp_path: Path) -> Iterator[None]:
    """A base that the trainer counts for, and a trainer that counts in no encoding known here."""
    trainer.control.forget_requests()
    with own_catalogue(tmp_path / "catalog.toml", CATALOG):
        yield


def counts_otherwise(trainer: TrainerProcess) -> None:
    trainer.control.fault("status", ROUTE, "POST", status=200, body=COUNTED, times=None)


def report(team: str, file_id: str, accept: str = "") -> Any:
    with transaction() as session:
        return retrieve_report(file_id, session, Caller("key", team, frozenset()), None, accept)


def test_a_report_counts_by_the_bases_own_tokenizer_and_says_that_this_is_exact(
    trainer: TrainerProcess,
) -> None:
    counts_otherwise(trainer)
    team = hands.make_team()
    file_id = hands.make_file(team)
    waiting = report(team, file_id)
    assert (waiting.tokens_by_base[0].total, waiting.tokens_by_base[0].note) == (None, "being counted")
    hands.run_due()
    told = report(team, file_id)
    (base,) = told.tokens_by_base
    assert (base.model, base.total, base.min, base.max, base.truncated) == (BASE, 117, 7, 40, 1)
    assert sum(bucket.examples for bucket in base.histogram) == LINES
    assert told.tokens.total != base.total
    (cost,) = [one for one in told.costs if one.model == BASE]
    assert (cost.exact_tokens, cost.billed_tokens) == (True, 117 * told.n_epochs)
    assert cost.examples_truncated == 1
    html = bytes(report(team, file_id, "text/html").body).decode()
    assert (
        f"<td>{BASE}</td><td>117</td><td>7, 7, 40 tokens</td><td>1</td><td>exact for this base</td>" in html
    )


def test_an_estimate_goes_by_what_was_counted_and_tells_of_what_is_cut(trainer: TrainerProcess) -> None:
    counts_otherwise(trainer)
    team = hands.make_team()
    file_id = hands.make_file(team)
    hands.run_due()
    with transaction() as session:
        body = JobCreate.model_validate(
            {"model": BASE, "training_file": file_id, "hyperparameters": {"n_epochs": 3}}
        )
        admission = check_admission(session, request_of_body(team, "key", body))
        assert admission.estimate is not None
        assert admission.training is not None
        assert admission.estimate.trained_tokens == 3 * 117
        told = warnings(admission.target, admission.training, admission.estimate)
        assert any("1 examples are longer" in one for one in told)


def test_a_line_that_the_base_cannot_be_trained_on_is_named_before_a_job_fails_of_it(
    trainer: TrainerProcess,
) -> None:
    problem = {"line": 3, "message": "message 2 is empty"}
    trainer.control.fault(
        "status", ROUTE, "POST", status=200, body={**COUNTED, "problems": [problem]}, times=None
    )
    team = hands.make_team()
    file_id = hands.make_file(team)
    hands.run_due()
    expected = "A job on this base would fail. Example 3: message 2 is empty."
    assert report(team, file_id).tokens_by_base[0].note == expected
    with transaction() as session:
        body = JobCreate.model_validate({"model": BASE, "training_file": file_id})
        admission = check_admission(session, request_of_body(team, "key", body))
        assert admission.estimate is not None
        assert admission.training is not None
        assert expected in warnings(admission.target, admission.training, admission.estimate)


def test_a_content_is_counted_once_per_team_and_base(trainer: TrainerProcess) -> None:
    counts_otherwise(trainer)
    team = hands.make_team()
    for _ in range(2):
        hands.make_file(team)
        hands.run_due()
    assert trainer.control.requests()[f"POST {ROUTE}"] == 1
    hands.make_file(hands.make_team())
    hands.run_due()
    assert trainer.control.requests()[f"POST {ROUTE}"] == 2


def test_a_trainer_that_is_away_is_asked_again_later(trainer: TrainerProcess) -> None:
    trainer.control.fault("status", ROUTE, "POST", status=503)
    team = hands.make_team()
    file_id = hands.make_file(team)
    hands.run_due()
    assert report(team, file_id).tokens_by_base[0].note == "being counted"
    hands.make_due(COUNT)
    hands.run_due()
    assert report(team, file_id).tokens_by_base[0].total > 0


def test_a_trainer_that_will_not_count_leaves_the_estimate_and_says_so(trainer: TrainerProcess) -> None:
    trainer.control.fault("status", ROUTE, "POST", status=400, code="invalid_model", times=None)
    team = hands.make_team()
    file_id = hands.make_file(team)
    hands.run_due()
    told = report(team, file_id)
    assert told.tokens_by_base[0].note == "the provider could not count it"
    assert [one.exact_tokens for one in told.costs if one.model == BASE] == [False]
    assert hands.due() == []  # asking for the report orders it no second time


def test_a_base_that_came_later_counts_when_the_report_is_asked_for(trainer: TrainerProcess) -> None:
    counts_otherwise(trainer)
    team = hands.make_team()
    file_id = hands.make_file(team)
    hands.run_due()
    with transaction() as session:
        session.delete(session.scalars(select(TokenCount)).one())
    report(team, file_id)
    hands.run_due()
    assert report(team, file_id).tokens_by_base[0].total == 117


def test_the_counts_go_with_the_last_file_of_a_content(trainer: TrainerProcess) -> None:
    counts_otherwise(trainer)
    team = hands.make_team()
    file_id = hands.make_file(team)
    hands.run_due()
    hands.delete_file(team, file_id)
    with transaction() as session:
        assert session.scalars(select(TokenCount)).all() == []
