"""Recognise the SDK's own retries of a create, which have no `Idempotency-Key`.

The openai SDK sends a create again when no answer came, and counts its attempts in `x-stainless-retry-count`.
A count above 0 marks a retry: if the same caller created the same thing a short while ago, that is the
answer. A count of 0 always creates.

A caller that sends the same request twice on purpose, and whose second create is retried, gets one object
instead of two. That is the cheaper mistake; an `Idempotency-Key` rules it out.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy.orm import Session

from service.teams.actions import team_in_service
from service.teams.idempotency import HEADER as IDEMPOTENCY_KEY

HEADER = "x-stainless-retry-count"
# The SDK waits 600 s for an answer, three times at most by default.
LONGEST_RETRY = timedelta(minutes=30)


def is_retry(headers: Mapping[str, str]) -> bool:
    """Whether the SDK marks the request as a retry, and no `Idempotency-Key` identifies the first attempt."""
    if IDEMPOTENCY_KEY in headers:
        return False
    count = headers.get(HEADER, "0")
    return count.isdecimal() and int(count[:3]) > 0


def lock_request(session: Session, team_id: str, owner_id: str, mark: bytes) -> None:
    """Serialise the attempts of one request, so that a retry sees what the first attempt created.

    The team also stays in service until this transaction ends. Raises `Conflict` if it is archived.
    """
    number = int.from_bytes(hashlib.blake2b(owner_id.encode() + mark, digest_size=8).digest(), signed=True)
    team_in_service(session, team_id, turn=number)
