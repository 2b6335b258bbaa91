"""Whatever Together and Fireworks answer, it becomes one of our objects or a `ProviderError`."""

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.providers.answers import Garbage
from service.providers.errors import OutcomeUnknown, ProviderError, Retryable
from service.providers.kinds.fireworks import reading as fireworks
from service.providers.kinds.rest_provider import moment_of
from service.providers.kinds.together import reading as together
from service.providers.port import Provider, ProviderJobSpec
from service.providers.registry import open_provider
from service.settings import ProviderSettings
from tests.providers.raw_server import KEY, Answer, RawServer, Seen

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


def provider_of(server: RawServer, kind: str, **more: object) -> Provider:
    given = {
        "name": "raw",
        "kind": kind,
        "base_url": server.base_url + PATHS[kind],
        "api_key": KEY,
        "timeout_s": 5.0,
    }
    return open_provider(ProviderSettings.model_validate(given | more))


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


def announcing(server: list[RawServer], seen: list[bytes], named: str) -> Callable[[Seen], Answer]:
    """Together, which answers the announcement of a file with the address `named` for its bytes."""

    def respond(request: Seen) -> Answer:
        if request.method == "PUT":
            seen.append(request.body)
            return Answer(200, b"")
        if request.path.endswith("/preprocess"):
            return Answer(200, {})
        root = server[0].base_url
        return Answer(302, b"", {"Location": named.format(root=root), "X-Together-File-Id": "file-1"})

    return respond


@contextmanager
def together_naming(named: str, seen: list[bytes]) -> Iterator[RawServer]:
    """A Together that sends uploads to `named`."""
    servers: list[RawServer] = []
    with RawServer(announcing(servers, seen, named)) as server:
        servers.append(server)
        yield server


@pytest.mark.parametrize(
    "named",
    [
        "{root}/upload",
        "http://localhost:1/upload",
        "http://[::ffff:169.254.169.254]/latest/meta-data",
        "ftp://example.com/upload",
        "",
    ],
)
def test_a_dataset_is_not_sent_to_an_address_that_the_settings_do_not_allow(named: str) -> None:
    seen: list[bytes] = []
    with together_naming(named, seen) as server:
        provider = provider_of(server, "together")
        with pytest.raises(Retryable, match="named an upload address") as raised:
            provider.upload_file("tea.jsonl", io.BytesIO(b"{}\n"))
        provider.close()
    assert raised.value.code == "malformed_answer"
    assert seen == []


def test_a_dataset_is_sent_to_a_private_address_that_the_settings_allow() -> None:
    seen: list[bytes] = []
    with together_naming("{root}/upload", seen) as server:
        provider = provider_of(server, "together", upload_allowed_networks=["127.0.0.0/8"])
        assert provider.upload_file("tea.jsonl", io.BytesIO(b"{}\n")) == "file-1"
        provider.close()
    assert [body.strip() for body in seen] == [b"{}"]


class Slow(io.BytesIO):
    """A file whose parts take longer to read than one call to the provider may take."""

    def read(self, size: int | None = -1) -> bytes:
        time.sleep(0.08)
        return super().read(size)


def test_an_upload_may_take_longer_than_other_calls_the_larger_it_is() -> None:
    seen: list[bytes] = []
    with together_naming("{root}/upload", seen) as server:
        provider = provider_of(server, "together", upload_allowed_networks=["127.0.0.0/8"], timeout_s=1.0)
        content = Slow(b"{}" + b" " * 2**20)
        assert provider.upload_file("tea.jsonl", content) == "file-1"
        provider.close()
    assert len(seen) == 1


@pytest.mark.parametrize("value", [2**39, 1e300, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_no_calendar_has_is_none(value: object) -> None:
    assert moment_of(value) is None


def test_a_list_of_fireworks_without_end_is_not_taken_for_a_whole_one() -> None:
    with RawServer(lambda _: Answer(200, {"datasets": [], "nextPageToken": "more"})) as server:
        provider = provider_of(server, "fireworks")
        with pytest.raises(OutcomeUnknown, match="too long to look through"):
            list(provider.iter_files())
        provider.close()


@pytest.mark.parametrize("kind", sorted(PATHS))
def test_an_object_without_a_usable_name_is_a_failure_of_the_provider(kind: str) -> None:
    raw = {"filename": "tea.jsonl", "processing_status": "COMPLETED", "createTime": 1, "created_at": 1}
    answer = {"data": [raw], "datasets": [raw], "models": [raw]}
    with RawServer(lambda _: Answer(200, answer)) as server:
        provider = provider_of(server, kind)
        with pytest.raises(Retryable):
            list(provider.iter_files())
        provider.close()


@pytest.mark.parametrize("listed", [5, "file-1", {"file-1": 1}, [None, 7, "", "a b"]])
def test_weights_of_nebius_without_usable_ids_are_left_alone(listed: object) -> None:
    checkpoint = {"id": "one", "created_at": 1, "result_files": listed}
    answer = {"object": "list", "data": [checkpoint], "has_more": False}
    with RawServer(lambda _: Answer(200, answer)) as server:
        given = {"name": "raw", "kind": "nebius", "base_url": server.base_url, "api_key": KEY}
        provider = open_provider(ProviderSettings.model_validate(given))
        provider.delete_model("ftjob-1:one")
        provider.close()
    assert {request.method for request in server.seen} == {"GET"}
