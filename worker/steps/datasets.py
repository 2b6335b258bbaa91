"""Check files, delete expired ones, and remove contents that no file uses."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import structlog
from sqlalchemy import select

from service.catalog.offers import offers
from service.core import clock, work
from service.core.db import transaction
from service.core.storage import storage
from service.core.work import Lease
from service.dataset.check.checker import LIMITS, check
from service.dataset.convert.pipeline import Conversion, Options, source_within
from service.dataset.convert.problems import Unreadable
from service.dataset.convert.sources import Source, source_of
from service.dataset.report import CheckReport
from service.errors import Conflict, QuotaExceeded
from service.files import actions, counting, overlap
from service.files.error_list import ErrorList
from service.files.policy import actions as policies
from service.files.queries import find_content, stream
from service.files.storing import Stored, storing
from service.files.tables import Content, File, FileStatus

if TYPE_CHECKING:
    from service.dataset.warnings.finder import Rows, WarningFinder

log = structlog.get_logger(__name__)

# A file whose check was interrupted this many times may be what kills the workers.
_MAX_ATTEMPTS = 5
_BUSY = timedelta(hours=1)


class _MustBeNormalised(Exception):
    """Stops a check whose list of errors is not kept."""


def check_file(lease: Lease) -> None:
    """Read a file once, with no transaction open, and record its report."""
    found = _file_to_check(lease)
    if found is None:
        return
    file, content = found
    try:
        source = source_within(stream(content), source_of(file.filename), file.format)
        report = _check_as_it_is(lease, file, content) if source.is_jsonl else None
        if report is None:
            report = _check_converted(lease, file, content, source)
    except (Unreadable, QuotaExceeded) as bad:
        _refuse(lease, file, str(bad))
        log.info("file_refused", filename=file.filename, reason=type(bad).__name__)
        return
    log.info("file_checked", examples=report.examples, errors=report.error_count, format=report.format)


def _check_as_it_is(lease: Lease, file: File, content: Content) -> CheckReport | None:
    """Check JSON lines and record the report; None if they must be normalised first."""
    finder = _finder(file)
    try:
        with ExitStack() as stack:
            errors = ErrorList(stack)
            report = _check(stream(content), file, finder, errors)
            if report.normalised:
                raise _MustBeNormalised
            _record(lease, report, finder.rows(), errors.close())
    except _MustBeNormalised:
        return None
    return report


def _check_converted(lease: Lease, file: File, content: Content, source: Source) -> CheckReport:
    """Convert the uploaded content to JSON lines, check those, and record both in one transaction."""
    chunks = stream(content)
    made = Conversion(chunks, source, content.size_bytes, Options(to=file.format))
    finder = _finder(file)
    with storing(made) as stored, ExitStack() as stack:
        errors = ErrorList(stack)
        lines = storage().read(stored.key)
        report = _check(lines, file, finder, errors, made.lines, made.notes)
        _record(lease, report, finder.rows(), errors.close(), (source.jsonl_name, stored))
    return report


def _check(
    chunks: Iterable[bytes],
    file: File,
    finder: "WarningFinder",
    errors: ErrorList,
    source_lines: Sequence[int] = (),
    notes: Sequence[str] = (),
) -> CheckReport:
    return check(
        chunks,
        format_name=file.format,
        limits=finder.limits | set(LIMITS),
        on_error=errors.add,
        finder=finder,
        source_lines=source_lines,
        notes=notes,
    )


def _finder(file: File) -> "WarningFinder":
    from service.dataset.warnings.finder import WarningFinder

    with transaction() as session:
        return WarningFinder(policies.errors_of(session, file.team_id), _limits_on_offer())


def _refuse(lease: Lease, file: File, reason: str) -> None:
    with transaction() as session:
        work.finish(session, lease)
        current = session.get_one(File, file.id, with_for_update=True)
        if current.deleted_at is None:
            actions.fail_file(session, current, reason)


def _limits_on_offer() -> frozenset[int]:
    today = clock.now().date()
    return frozenset(offer.model.token_limit for offer in offers() if offer.model.trains_on(today))


def _record(
    lease: Lease,
    report: CheckReport,
    rows: "Rows",
    all_errors: Stored | None,
    converted: tuple[str, Stored] | None = None,
) -> None:
    """Record the findings of the check and, for a converted file, its new name and content."""
    as_json = msgspec.to_builtins(report)
    with transaction() as session:
        work.finish(session, lease)
        file = session.get_one(File, lease.subject_id, with_for_update=True)
        if file.deleted_at is None:
            if converted is not None:
                file.filename, stored = converted
                actions.give_content(session, file, stored)
            actions.record_report(session, file, report, as_json, all_errors)
            overlap.record_rows(session, file, rows)
            counting.order(session, file)


def _file_to_check(lease: Lease) -> tuple[File, Content] | None:
    """The file and its content; None when there is nothing to check, and then the lease has ended."""
    with transaction() as session:
        file = session.scalar(select(File).where(File.id == lease.subject_id).with_for_update())
        waiting = file is not None and file.deleted_at is None and file.status == FileStatus.UPLOADED
        if file is None or not waiting:
            work.finish(session, lease)
            return None
        if lease.attempts > _MAX_ATTEMPTS:
            log.error("file_check_abandoned")
            actions.fail_file(session, file, "The check failed 5 times. Contact an administrator.")
            work.finish(session, lease)
            return None
        content = find_content(session, file)
        if content is None:
            log.error("file_without_content")
            actions.fail_file(session, file, "The content of this file is gone. Upload it again.")
            work.finish(session, lease)
            return None
        return file, content


def expire_file(lease: Lease) -> None:
    """Delete an expired file; one that a job uses is kept until the job has ended."""
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
    """Delete a content from storage: its upload was not completed, or its last file was deleted."""
    storage().delete(lease.subject_id)
    with transaction() as session:
        work.finish(session, lease)
