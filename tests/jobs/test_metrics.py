"""Curves from what the providers write."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.jobs.metrics.curves import best, curves_from_csv, curves_from_events, merged
from service.providers.results import decode_result
from tests.jobs.story import run, upload
from tests.support.data import chat_file
from tests.support.service import Service

OPENAI = (
    b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,2.5,0.4,,\n2,1.5,0.6,1.8,0.5\n"
)
AZURE = (
    b"\xef\xbb\xbfstep,train_loss,train_mean_token_accuracy,valid_loss,validation_mean_token_accuracy,"
    b"full_valid_loss,full_valid_mean_token_accuracy\r\n1,2.5,0.4,-1,-1,,\r\n2,1.5,0.6,1.8,0.5,1.9,0.45\r\n"
)


@pytest.mark.parametrize("wire", [OPENAI, base64.b64encode(OPENAI), base64.encodebytes(OPENAI)])
def test_openai_s_results_become_curves_from_either_encoding(wire: bytes) -> None:
    assert curves_from_csv(decode_result(wire)) == {
        "train_loss": [(1, 2.5), (2, 1.5)],
        "train_accuracy": [(1, 0.4), (2, 0.6)],
        "valid_loss": [(2, 1.8)],
        "valid_accuracy": [(2, 0.5)],
    }


def test_azure_s_columns_have_the_same_names_as_openai_s() -> None:
    curves = curves_from_csv(decode_result(AZURE))
    assert curves["train_accuracy"] == [(1, 0.4), (2, 0.6)]
    assert curves["full_valid_loss"] == [(2, 1.9)]
    assert curves["full_valid_accuracy"] == [(2, 0.45)]


def test_a_step_told_twice_counts_as_it_was_told_last() -> None:
    told = [{"step": 1, "train_loss": 3.0}, {"step": 2, "train_loss": 2.0}, {"step": 1, "train_loss": 2.9}]
    assert curves_from_events(told) == {"train_loss": [(1, 2.9), (2, 2.0)]}


def test_the_result_file_wins_and_the_log_fills_in() -> None:
    assert merged({"a": [(1, 1.0)]}, {"a": [(1, 9.0)], "b": [(1, 2.0)]}) == {"a": [(1, 1.0)], "b": [(1, 2.0)]}


def test_the_best_of_a_loss_is_its_lowest() -> None:
    assert best([(1, 3.0), (2, 1.0), (3, 1.0)], lowest=True) == (2, 1.0)
    assert best([(1, 0.3), (2, 0.9)], lowest=False) == (2, 0.9)


@given(st.binary(max_size=300))
def test_no_bytes_break_it(content: bytes) -> None:
    curves_from_csv(content)
    curves_from_csv(b"step,train_loss\n" + content)


@pytest.mark.usefixtures("worker")
def test_a_job_shows_its_curves(service: Service) -> None:
    team = service.make_team()
    job = run(team.sdk, validation_file=upload(team.sdk, chat_file(topic="wind")).id)
    shown = team.http.get(f"/v1/fine_tuning/jobs/{job.id}/metrics").json()
    assert shown["source"] == "results"
    curves = {curve["name"]: curve for curve in shown["curves"]}
    assert {"train_loss", "train_accuracy", "valid_loss"} <= curves.keys()
    loss = curves["train_loss"]
    assert [point["step"] for point in loss["points"]] == sorted({p["step"] for p in loss["points"]})
    assert loss["best"]["value"] == min(point["value"] for point in loss["points"])
    other = service.make_team()
    assert other.http.get(f"/v1/fine_tuning/jobs/{job.id}/metrics").status_code == 404
