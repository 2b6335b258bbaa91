"""The SDK's own retries of a create: recognised without an `Idempotency-Key`.

The openai SDK re-sends a create whose answer did not come, without any key, but counts its attempts in
`x-stainless-retry-count`. A create with a count above 0 is therefore no new wish: when the same key made a
job from the same body a short while ago, that job is the answer. A count of 0 always makes a new job.

What this cannot tell apart: a caller that sends the same body twice within minutes on purpose, when the first
attempt of the second fails. It gets one job, the cheaper mistake; `Idempotency-Key` gives certainty.
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
    """Whether the caller's SDK says that this is not its first attempt, and no key says which it repeats."""
    if IDEMPOTENCY_KEY in headers:
        return False
    count = headers.get(HEADER, "0")
    return count.isdecimal() and int(count[:3]) > 0


def request_hash(team_id: str, body: JobCreate) -> bytes:
    """16 bytes that are the same for the same wish of the same team."""
    asked = f"{team_id}\n{body.model_dump_json()}"
    return hashlib.blake2b(asked.encode(), digest_size=16).digest()


def made_before(session: Session, key_id: str, mark: bytes) -> Job | None:
    """The job that an earlier attempt of this request made; None when there is none."""
    same = Job.key_id == key_id, Job.request_hash == mark, Job.created_at > func.now() - _LONGEST_RETRY
    return session.scalar(select(Job).where(*same).order_by(Job.created_at.desc()).limit(1))


def lock_request(session: Session, key_id: str, mark: bytes) -> None:
    """Let the attempts of one request pass one after the other, so that a retry sees what the first did."""
    number = int.from_bytes(hashlib.blake2b(key_id.encode() + mark, digest_size=8).digest(), signed=True)
    session.execute(select(func.pg_advisory_xact_lock(number)))
