"""Every way in which a call can fail ends as one of the cases that callers must tell apart."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from service.providers.errors import (
    Gone,
    KeyRefused,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Retryable,
    Throttled,
    WoundDown,
)
from service.providers.openai_wire import OpenAIWire
from service.providers.port import ProviderJobSpec
from tests.providers.raw_server import KEY, Answer, RawServer, error_body, provider_at
from tests.support.processes import free_port

SPEC = ProviderJobSpec(
    model="gpt-4.1-mini-2025-04-14",
    training_file_id="file-a",
    validation_file_id=None,
    method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}},
    suffix=None,
    seed=None,
    stamp="ftjob-ours",
)
DAILY = (
    "This fine-tune request has been rate-limited. Your organization has reached the maximum of 8 "
    "fine-tuning requests per day for the model 'gpt-4.1-2025-04-14'."
)


def create(provider: OpenAIWire) -> object:
    return provider.create_job(SPEC)


def look(provider: OpenAIWire) -> object:
    return provider.get_job("ftjob-theirs")


def failure_of(answer: Answer, call: Callable[[OpenAIWire], object] = create) -> ProviderError:
    """What `call` raises when the upstream answers so; and it must have asked exactly once."""
    with RawServer(lambda _: answer) as server:
        with pytest.raises(ProviderError) as raised:
            call(server.provider())
        assert len(server.seen) == 1
    return raised.value


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(400, error_body("Model X is not available for fine-tuning.")), Rejected),
        (Answer(400, error_body("File 'file-a' is still being processed and is not ready")), Retryable),
        (Answer(401, error_body("Incorrect API key", "invalid_api_key")), KeyRefused),
        (Answer(403, error_body("winding down", "training_not_available")), WoundDown),
        (Answer(403, error_body("Country not supported", "unsupported_country")), Rejected),
        (Answer(404, error_body("No such file object: file-a")), Gone),
        (Answer(404, b"<h1>404 from some proxy</h1>"), Retryable),
        (Answer(408, error_body("too slow")), OutcomeUnknown),
        (Answer(409, error_body("conflict")), Rejected),
        (Answer(422, {"detail": "unprocessable"}), Rejected),
        (Answer(429, error_body("slow down", "slow_down")), Throttled),
        (Answer(500, error_body("The server had an error")), OutcomeUnknown),
        (Answer(502, b"Bad gateway"), OutcomeUnknown),
        (Answer(503, error_body("overloaded", "server_is_overloaded")), OutcomeUnknown),
        (Answer(200, b"<html>welcome</html>"), OutcomeUnknown),
        (Answer(200, b""), OutcomeUnknown),
        (Answer(200, {"object": "fine_tuning.job", "status": "queued"}), OutcomeUnknown),
        (Answer(200, b'{"id": "ftjob-theirs", "status": "queued"}', cut=True), OutcomeUnknown),
    ],
    ids=lambda value: f"{value.status} {str(value.body)[:40]}" if isinstance(value, Answer) else "",
)
def test_a_create_fails_as(answer: Answer, kind: type[ProviderError]) -> None:
    assert type(failure_of(answer)) is kind


@pytest.mark.parametrize(
    "answer",
    [Answer(500, error_body("oops")), Answer(200, b"nonsense"), Answer(200, b'{"id": "x"}', cut=True)],
    ids=["500", "garbage", "cut"],
)
def test_a_read_that_failed_can_be_repeated(answer: Answer) -> None:
    assert type(failure_of(answer, look)) is Retryable


def test_a_create_that_nobody_listens_to_surely_did_nothing() -> None:
    provider = provider_at(f"http://127.0.0.1:{free_port()}/v1")

    with pytest.raises(Retryable) as raised:
        provider.create_job(SPEC)

    assert raised.value.code == "unreachable"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (error_body(DAILY, "daily_rate_limit_exceeded"), "daily_rate_limit_exceeded"),
        (error_body(DAILY), "daily_rate_limit_exceeded"),
        (error_body("You exceeded your current quota", kind="insufficient_quota"), "insufficient_quota"),
        (error_body("Too many"), "rate_limit_exceeded"),
        ({}, "rate_limit_exceeded"),
    ],
)
def test_a_throttled_call_says_which_limit_was_met(body: Any, code: str) -> None:
    assert failure_of(Answer(429, body)).code == code


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After-Ms": "250", "Retry-After": "9"}, 0.25),
        ({"Retry-After": "999999999"}, 86_400.0),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
    ],
)
def test_the_providers_wish_for_a_pause_is_passed_on(headers: dict[str, str], seconds: float | None) -> None:
    assert failure_of(Answer(429, error_body("wait"), headers)).retry_after_s == seconds


def test_a_pause_can_be_given_as_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)

    pause = failure_of(Answer(503, error_body("wait"), {"Retry-After": date})).retry_after_s

    assert pause is not None
    assert 80 < pause <= 90


def test_no_redirect_is_followed_with_a_paid_request() -> None:
    with RawServer(lambda _: Answer(200, {"id": "ftjob-theirs", "status": "queued"})) as elsewhere:
        failure = failure_of(Answer(307, b"", {"Location": f"{elsewhere.base_url}/fine_tuning/jobs"}))
        assert elsewhere.seen == []
    assert type(failure) is Rejected
    assert "base_url" in failure.message


def test_the_message_names_neither_key_nor_organization() -> None:
    failure = failure_of(Answer(401, error_body(f"Key {KEY} of org-AbC123 is wrong", f"bad_{KEY}")))

    for shown in (failure.message, str(failure), failure.code or "", repr(failure)):
        assert KEY not in shown
        assert "AbC123" not in shown
    assert failure.__cause__ is None
    assert failure.__suppress_context__


def test_a_delete_of_what_is_gone_is_done() -> None:
    with RawServer(lambda _: Answer(404, error_body("No such File object"))) as server:
        provider = server.provider()
        provider.delete_file("file-a")
        provider.delete_model("ft:m:o::x")

        assert [seen.path for seen in server.seen] == ["/v1/files/file-a", "/v1/models/ft:m:o::x"]


def test_a_delete_without_an_answer_can_be_repeated() -> None:
    with pytest.raises(Retryable):
        raise failure_of(Answer(500, error_body("oops")), lambda provider: provider.delete_file("file-a"))
