"""A job is followed over answers that break, and over those that refuse for the moment."""

import json
from collections.abc import Iterator

import httpx2
import pytest

from service.client import CallFailed, CallRefused, Tunehouse, watching

EVENT = {
    "id": "ftevent-1",
    "created_at": 1,
    "level": "info",
    "message": "done",
    "type": "message",
    "data": {},
    "number": 1,
}
EVENTS = f"retry: 2000\n\nid: 1\ndata: {json.dumps(EVENT)}\n\n"


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_PAUSE_S", 0)


def following(*answers: httpx2.Response) -> tuple[Tunehouse, list[httpx2.Request]]:
    """A client whose calls get these answers in turn, and the calls."""
    calls: list[httpx2.Request] = []
    left: Iterator[httpx2.Response] = iter(answers)

    def answer(request: httpx2.Request) -> httpx2.Response:
        calls.append(request)
        return next(left)

    return Tunehouse("http://tunehouse/v1", "th-key", transport=httpx2.MockTransport(answer)), calls


def refusal(status: int) -> httpx2.Response:
    return httpx2.Response(status, json={"error": {"message": "The database does not answer.", "code": "x"}})


def test_a_stream_that_breaks_or_is_refused_for_the_moment_goes_on_from_the_last_event() -> None:
    client, calls = following(
        refusal(503), httpx2.Response(200, text=EVENTS), httpx2.Response(200, text="data: [DONE]\n\n")
    )
    assert [event.message for event in client.watch("ftjob-1")] == ["done"]
    assert [call.headers["last-event-id"] for call in calls] == ["0", "0", "1"]


def test_what_trying_again_does_not_change_is_raised_at_once() -> None:
    client, calls = following(refusal(404))
    with pytest.raises(CallRefused):
        list(client.watch("ftjob-1"))
    assert len(calls) == 1


def test_an_event_that_cannot_be_read_is_a_failed_call() -> None:
    client, calls = following(*[httpx2.Response(200, text="data: {}\n\n")] * 6)
    with pytest.raises(CallFailed, match="does not send"):
        list(client.watch("ftjob-1"))
    assert len(calls) == 6
