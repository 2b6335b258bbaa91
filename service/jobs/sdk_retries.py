"""Find the job that an earlier attempt of the same request created; see `service.teams.sdk_retries`."""

import hashlib

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.jobs.schemas import JobCreate
from service.jobs.tables import Job
from service.teams.sdk_retries import LONGEST_RETRY


def request_hash(team_id: str, body: JobCreate) -> bytes:
    """Return 16 bytes that are equal for equal bodies of the same team."""
    asked = f"{team_id}\n{body.model_dump_json()}"
    return hashlib.blake2b(asked.encode(), digest_size=16).digest()


def made_before(session: Session, key_id: str, mark: bytes) -> Job | None:
    """Return the job that an earlier attempt of this request created, if any."""
    same = Job.key_id == key_id, Job.request_hash == mark, Job.created_at > func.now() - LONGEST_RETRY
    return session.scalar(select(Job).where(*same).order_by(Job.created_at.desc()).limit(1))
