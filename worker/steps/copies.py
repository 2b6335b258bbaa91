"""Copy a content to a provider once, and delete such copies."""

import tempfile
from datetime import timedelta
from typing import BinaryIO

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.files.copies import is_taken, order_removal, record_copy
from service.files.queries import stream
from service.files.tables import Content, File, FileCopy
from service.jobs.blocks import ALL_MODELS, BlockKind, block_on
from service.jobs.upstream.provider_files import CopyName, wake_waiting_jobs
from service.jobs.upstream.wind_down import abandon_copy
from service.providers.errors import Retryable
from service.providers.registry import get_provider, provider_settings
from worker.provider_failures import noting_throttles, retried

log = structlog.get_logger(__name__)

# The slowest upload that we expect; it sets the deadline.
_SLOWEST_BYTES_PER_S = 2**20
_STILL_NEEDED = timedelta(minutes=5)


@retried
def copy_file(lease: Lease) -> None:
    """Upload the content, unless an earlier attempt has uploaded it."""
    name = CopyName(**lease.args)
    with transaction() as session:
        content = session.get(Content, (name.team_id, name.sha256))
        closed = block_on(session, name.provider, ALL_MODELS, (BlockKind.WOUND_DOWN,))
        if content is None or closed:  # deleted meanwhile, or useless; its jobs fail in their own steps
            work.finish(session, lease)
            return
        # A job that asked while the copy was being made has scheduled this step again.
        if session.get(FileCopy, (name.team_id, name.sha256, name.provider)) is not None:
            wake_waiting_jobs(session, name)
            work.finish(session, lease)
            return
        sending_s = content.size_bytes / _SLOWEST_BYTES_PER_S
    from service.providers.calls import within

    provider = get_provider(name.provider)
    with noting_throttles(name.provider):
        provider_file_id = provider.find_file(name.filename) if lease.attempts > 1 else None
        if provider_file_id is None:
            with tempfile.TemporaryFile() as whole:
                _fill(whole, content)
                with within(provider_settings(name.provider).timeout_s + sending_s):
                    provider_file_id = provider.upload_file(name.filename, whole)
    with transaction() as session:
        same = File.team_id == name.team_id, File.sha256 == name.sha256
        file = session.scalars(select(File).where(*same).limit(1)).one()
        if is_taken(session, file, name.provider, provider_file_id):
            log.error("provider_file_repeated", provider=name.provider)
            raise Retryable("The provider named a file that holds another content.", code="malformed_answer")
        copy = record_copy(session, file, name.provider, provider_file_id)
        if block_on(session, name.provider, ALL_MODELS, (BlockKind.WOUND_DOWN,)) or not _is_kept(
            session, name
        ):
            order_removal(session, copy)
        wake_waiting_jobs(session, name)
        work.finish(session, lease)


@retried
def remove_copy(lease: Lease) -> None:
    """Delete a copy at its provider once no unfinished job needs it."""
    provider, provider_file_id = lease.args["provider"], lease.args["provider_file_id"]
    content = lease.args["team_id"], lease.args["sha256"]
    with transaction() as session:
        copy = session.get(FileCopy, (*content, provider), with_for_update=True)
        if copy is not None and copy.provider_file_id == provider_file_id and not abandon_copy(session, copy):
            work.finish(session, lease, next_in=_STILL_NEEDED)
            return
    with noting_throttles(provider):
        get_provider(provider).delete_file(provider_file_id)
    with transaction() as session:
        work.finish(session, lease)


def _is_kept(session: Session, name: CopyName) -> bool:
    return session.get(Content, (name.team_id, name.sha256), populate_existing=True) is not None


def _fill(whole: BinaryIO, content: Content) -> None:
    for chunk in stream(content):
        whole.write(chunk)
    whole.seek(0)
