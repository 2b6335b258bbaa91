"""Follow a job: its events as they happen, over connections that may break."""

import time
from collections.abc import Iterator

from pydantic import ValidationError

from service.client.answers import JobEventInfo
from service.client.connection import CallFailed, CallRefused, Connection, ServiceUnreachable, path

_TRIES = 6
_PAUSE_S = 2.0
_SERVER_ERROR = 500


def follow_events(connection: Connection, job_id: str) -> Iterator[JobEventInfo]:
    """Yield a job's events, oldest first, until it has ended.

    A connection that breaks is made again after a pause, from the last event on; so is one that the service
    cannot serve at the moment. Raises `CallFailed` after six tries without an event between them.
    """
    last_number, tries = 0, 0
    while True:
        try:
            for event in _events(connection, job_id, last_number):
                if event is None:
                    return
                last_number, tries = event.number, 0
                yield event
            return  # 204: there are no events after the last one
        except CallFailed as failure:
            tries += 1
            if tries == _TRIES or (isinstance(failure, CallRefused) and failure.status < _SERVER_ERROR):
                raise
            time.sleep(_PAUSE_S)  # before it connects again


def _events(connection: Connection, job_id: str, after: int) -> Iterator[JobEventInfo | None]:
    """Yield events of one connection, and None for the end of the stream that follows the last one."""
    lines = connection.stream(
        path("fine_tuning/jobs", job_id, "events"),
        {"Last-Event-ID": str(after)},
        params={"stream": "true"},
    )
    received = False
    for line in lines:
        received = True
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            yield None
            return
        try:
            yield JobEventInfo.model_validate_json(data)
        except ValidationError:
            raise ServiceUnreachable("the stream of events has one that Tunehouse does not send") from None
    if received:
        raise ServiceUnreachable("the stream of events ended before the job")
