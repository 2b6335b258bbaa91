"""Whatever Together and Fireworks answer, it becomes one of our objects or a `ProviderError`."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.providers.answers import Garbage
from service.providers.errors import OutcomeUnknown, ProviderError, Retryable
from service.providers.kinds.fireworks import reading as fireworks
from service.providers.kinds.together import reading as together
from service.providers.port import Provider, ProviderJobSpec
from service.providers.registry import open_provider
from service.settings import ProviderSettings
from tests.providers.raw_server import KEY, Answer, RawServer

NAME = "accounts/acme/supervisedFineTuningJobs/one"
PATHS = {"together": "", "fireworks": "/accounts/acme"}
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def clean(text: str) -> str:
    return text[:4000]


@given(
    fields=st.dictionaries(
        st.sampled_from(
            [
                "status",
                "suffix",
                "events",
                "token_count",
                "n_epochs",
                "total_price",
                "progress",
                "created_at",
                "model",
            ]
        ),
        values,
    )
)
def test_any_fine_tune_of_together_is_a_job_or_garbage(fields: dict[str, Any]) -> None:
    try:
        job = together.job_of({"id": "ft-1", "status": "completed"} | fields, clean)
    except Garbage:
        return
    assert job.trained_tokens is None or job.trained_tokens >= 0


@given(
    fields=st.dictionaries(
        st.sampled_from(
            ["state", "status", "jobProgress", "displayName", "outputModel", "createTime", "epochs"]
        ),
        values,
    )
)
def test_any_job_of_fireworks_is_a_job_or_garbage(fields: dict[str, Any]) -> None:
    raw = {"name": NAME, "state": "JOB_STATE_COMPLETED"} | fields
    try:
        job = fireworks.job_of(raw, clean)
        fireworks.event_of(raw, clean)
    except Garbage:
        return
    assert job.trained_tokens is None or job.trained_tokens >= 0


def provider_of(server: RawServer, kind: str) -> Provider:
    given = {
        "name": "raw",
        "kind": kind,
        "base_url": server.base_url + PATHS[kind],
        "api_key": KEY,
        "timeout_s": 5.0,
    }
    return open_provider(ProviderSettings.model_validate(given))


SPEC = ProviderJobSpec(
    model="base",
    training_file_id="file-1",
    validation_file_id=None,
    method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}},
    suffix=None,
    seed=None,
    stamp="ftjob-ours",
)
SPOILT = {
    "not_json": b"<html>",
    "a_list": b"[]",
    "too_large": b" " * (3 * 2**20),
    "too_deep": b'{"a":' * 100 + b"1" + b"}" * 100,
    "a_key_twice": b'{"id":"ft-1","id":"ft-2","name":"x","status":"running"}',
}


@pytest.mark.parametrize("body", SPOILT.values(), ids=SPOILT)
@pytest.mark.parametrize("kind", sorted(PATHS))
def test_an_unreadable_answer_leaves_a_create_unknown_and_a_read_repeatable(kind: str, body: bytes) -> None:
    with RawServer(lambda _: Answer(200, body)) as server:
        provider = provider_of(server, kind)
        with pytest.raises(OutcomeUnknown):
            provider.create_job(SPEC)
        with pytest.raises(Retryable):
            provider.get_job("one")
        provider.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 302])
@pytest.mark.parametrize("kind", sorted(PATHS))
def test_every_refusal_is_one_of_ours_without_the_key(kind: str, status: int) -> None:
    said = json.dumps({"code": 3, "message": f"no {KEY}", "details": []}).encode()
    with RawServer(lambda _: Answer(status, said)) as server:
        provider = provider_of(server, kind)
        with pytest.raises(ProviderError) as raised:
            provider.create_job(SPEC)
        provider.close()
    assert KEY not in str(raised.value)
