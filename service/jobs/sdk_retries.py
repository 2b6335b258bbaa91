"""Recognise the SDK's own retries of a create, which have no `Idempotency-Key`.

The openai SDK sends a create again when no answer came, and counts its attempts in `x-stainless-retry-count`.
A count above 0 marks a retry: if the same API key created a job from the same body a short while ago, that
job is the answer. A count of 0 always creates a job.

A caller that sends the same body twice on purpose, and whose second create is retried, gets one job instead
of two. That is the cheaper mistake; an `Idempotency-Key` rules it out.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.jobs.schemas import JobCreate
from service.jobs.tables import Job

HEADER = "x-stainless-retry-count"
IDEMPOTENCY_KEY = "idempotency-key"
# The SDK waits 600 s for an answer, three times at most by default.
_LONGEST_RETRY = timedelta(minutes=30)


def is_retry(headers: Mapping[str, str]) -> bool:
    """Whether the SDK marks the request as a retry, and no `Idempotency-Key` identifies the first attempt."""
    if IDEMPOTENCY_KEY in headers:
        return False
    count = headers.get(HEADER, "0")
    return count.isdecimal() and int(count[:3]) > 0


def request_hash(team_id: str, body: JobCreate) -> bytes:
    """Return 16 bytes that are equal for equal bodies of the same team."""
    asked = f"{team_id}\n{body.model_dump_json()}"
    return hashlib.blake2b(asked.encode(), digest_size=16).digest()


def made_before(session: Session, key_id: str, mark: bytes) -> Job | None:
    """Return the job that an earlier attempt of this request created, if any."""
    same = Job.key_id == key_id, Job.request_hash == mark, Job.created_at > func.now() - _LONGEST_RETRY
    return session.scalar(select(Job).where(*same).order_by(Job.created_at.desc()).limit(1))


def lock_request(session: Session, key_id: str, mark: bytes) -> None:
    """Serialise the attempts of one request, so that a retry sees the job of the first attempt."""
    number = int.from_bytes(hashlib.blake2b(key_id.encode() + mark, digest_size=8).digest(), signed=True)
    session.execute(select(func.pg_advisory_xact_lock(number)))
