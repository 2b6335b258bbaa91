"""A provider's objects become ours, whatever the provider leaves out or makes up."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.providers.answers import Garbage, read_items, read_object
from service.providers.mapping import checkpoint_of, event_of, job_of, model_of

REAL_JOB = {
    "object": "fine_tuning.job",
    "id": "ftjob-abc123",
    "model": "gpt-4o-mini-2024-07-18",
    "created_at": 1721764800,
    "finished_at": 1721765800,
    "estimated_finish": None,
    "fine_tuned_model": "ft:gpt-4o-mini-2024-07-18:acme::9uJPavaa",
    "organization_id": "org-123",
    "status": "succeeded",
    "training_file": "file-abc",
    "validation_file": None,
    "result_files": ["file-result"],
    "trained_tokens": 4480,
    "seed": 683058546,
    "hyperparameters": {"n_epochs": 10, "batch_size": 1, "learning_rate_multiplier": 1.8},
    "method": {
        "type": "supervised",
        "supervised": {"hyperparameters": {"n_epochs": 10, "batch_size": "auto"}},
    },
    "error": {"code": None, "message": None, "param": None},
    "metadata": {"tunehouse_job": "ftjob-ours"},
    "usage_metrics": None,
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def as_is(text: str) -> str:
    return text


def job_from(changes: dict[str, Any]) -> Any:
    return job_of(REAL_JOB | changes, as_is, {})


def test_a_real_job_is_read_in_full() -> None:
    job = job_from({})

    assert (job.id, job.status, job.stamp) == ("ftjob-abc123", "succeeded", "ftjob-ours")
    assert job.created_at == datetime(2024, 7, 23, 20, 0, tzinfo=UTC)
    assert job.fine_tuned_model == "ft:gpt-4o-mini-2024-07-18:acme::9uJPavaa"
    assert (job.trained_tokens, job.seed, job.result_file_ids) == (4480, 683058546, ("file-result",))
    assert job.error is None


def test_a_resolved_number_is_preferred_to_auto_in_either_place() -> None:
    assert job_from({}).hyperparameters == {
        "n_epochs": 10,
        "batch_size": 1,
        "learning_rate_multiplier": 1.8,
    }


def test_an_unknown_status_is_kept_as_it_came() -> None:
    assert job_from({"status": "moderating"}).status == "moderating"


def test_a_status_that_goes_by_another_name_is_translated() -> None:
    assert job_of(REAL_JOB | {"status": "pending"}, as_is, {"pending": "queued"}).status == "queued"


def test_azures_nulls_are_read_as_absent() -> None:
    job = job_from(
        {"organization_id": None, "result_files": None, "metadata": None, "method": None, "finished_at": -1}
    )

    assert (job.result_file_ids, job.stamp, job.finished_at) == ((), None, None)


@pytest.mark.parametrize("empty", [None, {}, {"code": None, "message": None, "param": None}])
def test_an_empty_error_is_no_error(empty: Any) -> None:
    assert job_from({"error": empty}).error is None


def test_a_jobs_error_is_cleaned() -> None:
    job = job_of(
        REAL_JOB | {"error": {"code": "x", "message": "of org-1", "param": "training_file"}},
        lambda text: text.replace("org-1", "…"),
        {},
    )

    assert job.error == {"code": "x", "message": "of …", "param": "training_file"}


@pytest.mark.parametrize("tokens", [None, "many", -1, True, 1e300, float("nan"), float("inf")])
def test_a_count_that_is_none_is_unknown_rather_than_wrong(tokens: Any) -> None:
    assert job_from({"trained_tokens": tokens}).trained_tokens is None


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first draw loads Unicode tables
@given(st.dictionaries(st.sampled_from(sorted(set(REAL_JOB) - {"id", "status"})), anything))
def test_a_job_with_an_id_and_a_status_is_always_readable(changes: dict[str, Any]) -> None:
    assert job_from(changes).id == "ftjob-abc123"


@pytest.mark.parametrize("field", ["id", "status"])
@pytest.mark.parametrize("value", [None, "", 7, []])
def test_a_job_without_an_id_or_status_is_garbage(field: str, value: Any) -> None:
    with pytest.raises(Garbage):
        job_from({field: value})


def test_an_event_keeps_its_metrics() -> None:
    event = event_of(
        {
            "id": "ftevent-1",
            "created_at": 1721764800,
            "level": "info",
            "message": "Step 1/3: training loss=0.50",
            "type": "metrics",
            "data": {"step": 1, "train_loss": 0.5},
        },
        as_is,
    )

    assert (event.type, event.data) == ("metrics", {"step": 1, "train_loss": 0.5})


def test_an_event_of_nulls_is_an_empty_message() -> None:
    event = event_of({"id": "ftevent-1", "data": None, "type": None, "level": "strange"}, as_is)

    assert (event.level, event.message, event.type, event.data) == ("info", "", "message", {})


def test_a_checkpoint_takes_its_step_from_the_metrics_where_it_has_no_other() -> None:
    checkpoint = checkpoint_of(
        {"id": "c", "fine_tuned_model_checkpoint": "ft:x:ckpt-step-7", "metrics": {"step": 7, "bad": None}}
    )

    assert (checkpoint.step, checkpoint.metrics) == (7, {"step": 7.0})


def test_a_model_has_a_shutdown_date_or_none() -> None:
    assert model_of({"id": "a", "shutdown_date": "2027-01-14"}).shutdown_date == "2027-01-14"
    assert model_of({"id": "a"}).shutdown_date is None


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[1]", b"null", b'"text"', b"\xff\xfe", b"{", b"[" * 100_000]
)
def test_an_answer_that_is_no_json_object_is_garbage(content: bytes) -> None:
    with pytest.raises(Garbage):
        read_object(content)


def test_what_postgres_cannot_hold_is_taken_out_of_an_answer() -> None:
    answer = read_object(b'{"a": "x\\u0000y\\ud800", "b": NaN, "c": 1e999, "d": [{"\\u0000e": "\\u0000"}]}')

    assert answer == {"a": "xy?", "b": None, "c": None, "d": [{"e": ""}]}


def test_items_that_are_no_objects_are_left_out_of_a_list() -> None:
    assert read_items({"data": [{"id": "a"}, None, "b"]}) == [{"id": "a"}]
    with pytest.raises(Garbage):
        read_items({"data": None})
