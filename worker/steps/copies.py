"""Copy one content to one provider, once."""

import tempfile
from datetime import timedelta
from typing import BinaryIO

from sqlalchemy import select

from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.datasets.copies import record_copy
from service.datasets.queries import stream
from service.datasets.tables import Content, File
from service.jobs.copying import CopyName, wake_waiting_jobs
from service.providers.registry import get_provider
from service.settings import settings
from worker.provider_failures import retried

# The slowest upload that we expect; a crashed worker's copy is taken over only after it would be done.
_SLOWEST_BYTES_PER_S = 2**20


@retried
def copy_file(lease: Lease) -> None:
    """Upload the content, or find the copy that an earlier attempt may have left behind."""
    name = CopyName.parse(lease.subject_id)
    with transaction() as session:
        content = session.get(Content, (name.team_id, name.sha256))
        if content is None:  # deleted meanwhile, and with it whatever wanted the copy
            work.finish(session, lease)
            return
        work.extend(session, lease, _time_for(content.size_bytes))
    provider = get_provider(name.provider)
    provider_file_id = provider.find_file(name.filename) if lease.attempts > 1 else None
    if provider_file_id is None:
        with tempfile.TemporaryFile() as whole:
            _fill(whole, content)
            provider_file_id = provider.upload_file(name.filename, whole)
    with transaction() as session:
        file = session.scalars(
            select(File).where(File.team_id == name.team_id, File.sha256 == name.sha256).limit(1)
        ).one()
        record_copy(session, file, name.provider, provider_file_id)
        wake_waiting_jobs(session, name)
        work.finish(session, lease)


def _fill(whole: BinaryIO, content: Content) -> None:
    for chunk in stream(content):
        whole.write(chunk)
    whole.seek(0)


def _time_for(size_bytes: int) -> timedelta:
    return timedelta(seconds=settings().lease_s + size_bytes / _SLOWEST_BYTES_PER_S)
