"""What a hostile provider answers to the worker is bounded, checked and cleaned before anybody uses it."""

import gzip
import itertools
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from service.providers.bounds import OBJECT, PAGE
from service.providers.errors import OutcomeUnknown, ProviderError, Rejected, Retryable
from service.providers.openai_wire import OpenAIWire
from tests.attacks.hostile import INTERIM, Peer, hostile
from tests.providers.raw_server import provider_at
from tests.providers.test_failures import SPEC

MEGABYTE = 2**20
JOB = {"id": "ftjob-1", "status": "running", "created_at": 1_700_000_000}


@contextmanager
def provider(answer: Callable[[Peer], None], timeout_s: float = 5.0) -> Iterator[OpenAIWire]:
    """A provider that answers so."""
    with hostile(answer) as server:
        one = provider_at(server.base_url, timeout_s=timeout_s)
        yield one
        one.close()


def endless(peer: Peer) -> None:
    peer.head(None)
    peer.flood(b" ", 400 * MEGABYTE)


CALLS: dict[str, Callable[[OpenAIWire], object]] = {
    "a job": lambda one: one.get_job("ftjob-1"),
    "a create": lambda one: one.create_job(SPEC),
    "a list": lambda one: list(one.iter_jobs()),
    "a log": lambda one: list(one.iter_event_pages("ftjob-1", frozenset())),
    "checkpoints": lambda one: one.list_checkpoints("ftjob-1"),
    "models": lambda one: one.list_models(),
    "a result": lambda one: one.read_file("file-1"),
    "a delete": lambda one: one.delete_model("ft:x"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_endless_answer_is_given_up_at_its_bound(call: Callable[[OpenAIWire], object]) -> None:
    with provider(endless) as one:
        tracemalloc.start()
        with pytest.raises(ProviderError) as raised:
            call(one)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert raised.value.code in ("malformed_answer", "result_too_large")
    assert peak < 64 * MEGABYTE


def test_an_endless_refusal_is_given_up_too() -> None:
    def answer(peer: Peer) -> None:
        peer.head(None, "400 Bad Request")
        peer.flood(b" ", 400 * MEGABYTE)

    with provider(answer) as one, pytest.raises(OutcomeUnknown):
        one.create_job(SPEC)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "x-unknown"])
def test_a_compressed_answer_is_refused_unread(encoding: str) -> None:
    bomb = gzip.compress(json.dumps(JOB).encode() + b" " * 20 * MEGABYTE)
    with (
        provider(lambda peer: peer.json(bomb, Content_Encoding=encoding)) as one,
        pytest.raises(Retryable, match="compressed"),
    ):
        one.get_job("ftjob-1")


def test_interim_answers_without_end_are_given_up() -> None:
    with provider(lambda peer: peer.flood(INTERIM, 400 * MEGABYTE)) as one, pytest.raises(Retryable):
        one.get_job("ftjob-1")


def test_a_body_in_tiny_pieces_is_given_up() -> None:
    def answer(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        peer.flood(b"1\r\n \r\n", 6 * MEGABYTE)

    with provider(answer) as one, pytest.raises(Retryable, match="tiny pieces"):
        one.get_job("ftjob-1")


@pytest.mark.parametrize(
    "content",
    [
        b'{"id":"ftjob-1","status":"running","x":[' + b"{}," * 100_000 + b"{}]}",
        b'{"id":"ftjob-1","status":"running","x":' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"id":"ftjob-1","status":"queued","status":"succeeded"}',
        b'{"id":"ftjob-1","status":"running"' + b" " * OBJECT.size_bytes + b"}",
        b'{"id":"ftjob-1","status":["running"]}',
        b'{"id":' + b"9" * 50_000 + b"}",
        b"[]",
    ],
    ids=["many values", "deep", "a key twice", "padded", "wrong type", "a huge integer", "no object"],
)
def test_a_job_that_cannot_be_trusted_is_no_answer(content: bytes) -> None:
    with provider(lambda peer: peer.json(content)) as one, pytest.raises(Retryable) as raised:
        one.get_job("ftjob-1")
    assert raised.value.code == "malformed_answer"


def test_numbers_that_nothing_can_hold_are_unknown() -> None:
    huge = (
        b'{"id":"ftjob-1","status":"running","trained_tokens":1%s,"seed":1e999,"hyperparameters":{"a":NaN}}'
    )
    with provider(lambda peer: peer.json(huge % (b"0" * 400))) as one:
        job = one.get_job("ftjob-1")
    assert (job.trained_tokens, job.seed, job.hyperparameters) == (None, None, {})


def test_an_answer_about_another_job_is_no_answer() -> None:
    with provider(lambda peer: peer.json(JOB | {"id": "ftjob-2"})) as one:
        with pytest.raises(Retryable, match="another job"):
            one.get_job("ftjob-1")
        with pytest.raises(OutcomeUnknown, match="another job"):
            one.cancel_job("ftjob-1")


def test_a_create_answered_with_anothers_stamp_has_an_unknown_outcome() -> None:
    theirs = JOB | {"metadata": {"tunehouse_job": "ftjob-of-another"}}
    with provider(lambda peer: peer.json(theirs)) as one, pytest.raises(OutcomeUnknown, match="stamp"):
        one.create_job(SPEC)


@pytest.mark.parametrize("bad", ["", "a b", "x" * 300, "ü", "a\n", 7, None])
def test_an_id_that_is_none_is_no_answer(bad: Any) -> None:
    with provider(lambda peer: peer.json(JOB | {"id": bad})) as one, pytest.raises(OutcomeUnknown):
        one.create_job(SPEC)


def test_every_word_of_a_job_is_cut_and_cleaned() -> None:
    secret = "of org-Secret1 "
    wild = JOB | {
        "status": "failed",
        "error": {"code": secret * 8000, "param": secret * 8000, "message": secret * 8000},
        "hyperparameters": {f"{number}": secret * 100 for number in range(1000)} | {"list": [1]},
        "result_files": [f"file-{number}" for number in range(1000)],
    }
    with provider(lambda peer: peer.json(wild)) as one:
        job = one.get_job("ftjob-1")
    shown = json.dumps([job.error, dict(job.hyperparameters)])
    assert "Secret1" not in shown
    assert len(shown) < 10_000
    assert len(job.result_file_ids) == 10


def test_the_code_and_parameter_of_a_refusal_are_cut_and_cleaned() -> None:
    refusal = {"error": {"message": "no", "code": "org-Secret1 " * 9000, "param": "org-Secret1 " * 9000}}
    with (
        provider(lambda peer: peer.json(refusal, "400 Bad Request")) as one,
        pytest.raises(Rejected) as raised,
    ):
        one.get_job("ftjob-1")
    said = f"{raised.value.code}{raised.value.param}"
    assert "Secret1" not in said
    assert len(said) < 1000


def log_of(items: list[dict[str, Any]]) -> Callable[[Peer], None]:
    """Serves a newest-first log that honours cursor and limit."""

    def answer(peer: Peer) -> None:
        asked = parse_qs(urlsplit(peer.path).query)
        ids = [item["id"] for item in items]
        start = ids.index(asked["after"][0]) + 1 if "after" in asked else 0
        data = items[start : start + int(asked["limit"][0])]
        peer.json({"data": data, "has_more": start + len(data) < len(items)})

    return answer


def test_a_long_log_comes_page_by_page_oldest_first() -> None:
    items = [{"id": f"ftevent-{number}", "message": "x"} for number in range(250, 0, -1)]
    with provider(log_of(items)) as one:
        pages = list(one.iter_event_pages("ftjob-1", frozenset()))
        fresh = list(one.iter_event_pages("ftjob-1", frozenset({"ftevent-100"})))
    assert [event.id for page in pages for event in page] == [f"ftevent-{n}" for n in range(1, 251)]
    assert [len(page) for page in pages] == [50, 100, 100]
    assert [event.id for page in fresh for event in page] == [f"ftevent-{n}" for n in range(101, 251)]


def test_a_log_without_end_is_read_back_so_far_and_no_farther() -> None:
    numbers = itertools.count()

    def answer(peer: Peer) -> None:
        peer.json({"data": [{"id": f"ftevent-{next(numbers)}", "message": "x"} for _ in range(100)]})

    with provider(answer) as one:
        assert sum(len(page) for page in one.iter_event_pages("ftjob-1", frozenset())) == 10_000


def test_checkpoints_without_end_are_read_up_to_a_thousand() -> None:
    numbers = itertools.count()

    def answer(peer: Peer) -> None:
        data = [
            {"id": f"c-{number}", "fine_tuned_model_checkpoint": f"m:ckpt-step-{number}"}
            for number in itertools.islice(numbers, 100)
        ]
        peer.json({"data": data, "has_more": True})

    with provider(answer) as one:
        assert len(one.list_checkpoints("ftjob-1")) == 1000


def test_one_unreadable_event_does_not_hide_the_others() -> None:
    items = [{"id": "ftevent-2", "message": "fine"}, {"id": "x" * 999}, {"id": None}, {"id": "ftevent-1"}]
    with provider(log_of(items)) as one:
        (page,) = one.iter_event_pages("ftjob-1", frozenset())
    assert [event.id for event in page] == ["ftevent-1", "ftevent-2"]


def test_an_event_keeps_no_more_data_than_metrics_need() -> None:
    items = [{"id": "ftevent-1", "message": "m" * 99_999, "type": "t" * 999, "data": {"a": "b" * 99_999}}]
    with provider(log_of(items)) as one:
        ((event,),) = one.iter_event_pages("ftjob-1", frozenset())
    assert (len(event.message), len(event.type), event.data) == (4000, 100, {})


def test_a_page_that_never_stops_growing_is_refused() -> None:
    content = b'{"data":[' + b'{"id":"ftevent-1"},' * 2000 + b"{}]}"
    assert len(content) < PAGE.size_bytes
    with provider(lambda peer: peer.json(content)) as one, pytest.raises(Retryable, match="1000 items"):
        list(one.iter_event_pages("ftjob-1", frozenset()))


def test_a_result_of_words_and_spaces_is_read_within_its_bound() -> None:
    def answer(peer: Peer) -> None:
        peer.head(6 * MEGABYTE)
        peer.send(b"ab " * (2 * MEGABYTE))

    with provider(answer) as one:
        tracemalloc.start()
        one.read_file("file-1")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 100 * MEGABYTE


@pytest.mark.parametrize("amount", ["NaN", "1e999999", "9" * 99_999, "dollars", None, {}, True])
def test_costs_that_are_no_amounts_are_refused(amount: Any) -> None:
    costs = {"data": [{"results": [{"amount": {"value": amount}}]}], "has_more": False}
    with provider(lambda peer: peer.json(costs)) as one, pytest.raises(Retryable):
        one.costs_usd(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
