"""Check files, delete those whose time is over, and remove contents that nothing names."""

from contextlib import ExitStack
from datetime import timedelta

import msgspec
import structlog
from sqlalchemy import select

from service.catalog.offers import offers
from service.core import clock, work
from service.core.db import transaction
from service.core.storage import storage
from service.core.work import Lease
from service.dataset.check.checker import LIMITS, check
from service.dataset.convert.sources import source_of
from service.dataset.report import Report
from service.dataset.warnings.watch import Rows, Watch
from service.errors import Conflict
from service.files import actions, counting, overlap
from service.files.error_list import ErrorList
from service.files.policy import actions as policies
from service.files.queries import find_content, stream
from service.files.storing import Stored
from service.files.tables import Content, File, FileStatus
from worker.steps.deriving import to_jsonl

log = structlog.get_logger(__name__)

# A file that has taken this many workers down with it is not tried again.
_MAX_ATTEMPTS = 5
_BUSY = timedelta(hours=1)


def check_file(lease: Lease) -> None:
    """Read a file once, with no transaction open, and write down what was found."""
    found = _file_to_check(lease)
    if found is None:
        return
    file, content = found
    if not source_of(file.filename).is_jsonl:
        to_jsonl(lease, file, content)
        return
    with transaction() as session:
        watch = Watch(policies.errors_of(session, file.team_id), _limits_on_offer())
    with ExitStack() as stack:
        errors = ErrorList(stack)
        report = check(
            stream(content),
            format_name=file.format,
            limits=watch.limits | set(LIMITS),
            on_error=errors.add,
            watch=watch,
        )
        _record(lease, report, watch.rows(), errors.close())
    log.info("file_checked", examples=report.examples, errors=report.error_count, format=report.format)


def _limits_on_offer() -> frozenset[int]:
    today = clock.now().date()
    return frozenset(offer.model.token_limit for offer in offers() if offer.model.trains_on(today))


def _record(lease: Lease, report: Report, rows: Rows, all_errors: Stored | None) -> None:
    as_json = msgspec.to_builtins(report)
    with transaction() as session:
        work.finish(session, lease)
        file = session.get_one(File, lease.subject_id, with_for_update=True)
        if file.deleted_at is None:
            actions.record_report(session, file, report, as_json, all_errors)
            overlap.record_rows(session, file, rows)
            counting.order(session, file)


def _file_to_check(lease: Lease) -> tuple[File, Content] | None:
    """The file and where its bytes are; None when there is nothing to check, which ends the lease."""
    with transaction() as session:
        file = session.scalar(select(File).where(File.id == lease.subject_id).with_for_update())
        waiting = file is not None and file.deleted_at is None and file.status == FileStatus.UPLOADED
        if file is None or not waiting:
            work.finish(session, lease)
            return None
        if lease.attempts > _MAX_ATTEMPTS:
            log.error("file_check_given_up")
            actions.fail_file(session, file, "The check broke off again and again; an operator must look.")
            work.finish(session, lease)
            return None
        content = find_content(session, file)
        if content is None:
            log.error("file_without_content")
            actions.fail_file(session, file, "What it held is gone; send it again.")
            work.finish(session, lease)
            return None
        return file, content


def expire_file(lease: Lease) -> None:
    """Delete a file whose time is over; one that a job needs lives on until that has ended."""
    with transaction() as session:
        work.finish(session, lease)
        file = session.get(File, lease.subject_id, with_for_update=True)
        if file is None or file.deleted_at is not None:
            return
        try:
            actions.remove_file(session, file)
        except Conflict:
            work.schedule(session, actions.EXPIRE, file.id, delay=_BUSY)


def remove_content(lease: Lease) -> None:
    """Remove a content from storage: one that was never finished, or whose last file was deleted."""
    storage().delete(lease.subject_id)
    with transaction() as session:
        work.finish(session, lease)
