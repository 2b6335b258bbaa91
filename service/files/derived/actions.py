"""Create files from other files: conversions, splits and merges.

The new files exist at once, `uploaded` and empty; a worker fills them and schedules their checks. Their
source cannot be deleted until then.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from service.core import clock, ids, work
from service.errors import InvalidRequest
from service.files import actions
from service.files.queries import get_file
from service.files.reservations import release, reserve
from service.files.storing import Stored
from service.files.tables import Derivation, File, FileStatus, Purpose
from service.teams.quotas.actions import Quota, require_room

DERIVE = "file.derive"  # the unit of work that fills derived files
CONVERSION = "conversion"
SPLIT = "split"
MERGE = "merge"


def order(
    session: Session,
    *,
    team_id: str,
    source_id: str,
    kind: str,
    options: dict[str, Any],
    filenames: list[str],
    format: str | None,
    more_bytes: int = 0,
) -> list[File]:
    """Create the files that a worker will fill from `source_id`, and set aside its size and `more_bytes`.

    Raises `NotFound`, `InvalidRequest`, `Conflict` or `QuotaExceeded`.
    """
    source = get_file(session, team_id, source_id)
    if source.purpose != Purpose.FINE_TUNE:
        raise InvalidRequest(f"{source.id} is not a training file (purpose 'fine-tune').", param="file_id")
    if source.status == FileStatus.UPLOADED:
        raise InvalidRequest(
            f"{source.id} is still being checked; ask again soon.", param="file_id", code="file_not_processed"
        )
    require_room(session, team_id, Quota.FILES, adding=len(filenames))
    files = [actions.empty_file(session, team_id, filename, format) for filename in filenames]
    derivation = Derivation(
        id=ids.new_id("deriv_"),
        team_id=team_id,
        source_id=source.id,
        kind=kind,
        options=options,
        output_ids=[file.id for file in files],
        created_at=clock.now(),
    )
    session.add(derivation)
    session.flush()
    # Until the files have their contents, which take about as much room as the sources.
    reserve(session, team_id, derivation.id, source.size_bytes + more_bytes, lifetime=None)
    actions.mark_used(session, source.id, used_by=derivation.id)
    work.schedule(session, DERIVE, derivation.id, team_id=team_id)
    return files


def order_merge(session: Session, team_id: str, source_ids: Sequence[str], filename: str) -> File:
    """Create the file that a worker will fill with the examples of all sources, in their order.

    Raises `NotFound`, `InvalidRequest`, `Conflict` or `QuotaExceeded`.
    """
    sources = [get_file(session, team_id, source_id) for source_id in source_ids]
    first, *others = sources
    (merged,) = order(
        session,
        team_id=team_id,
        source_id=first.id,
        kind=MERGE,
        options={"sources": [one.id for one in sources]},
        filenames=[filename],
        format=first.format,
        more_bytes=sum(one.size_bytes for one in others),
    )
    # The first source's row is the work. Lineage reads one row for each source.
    session.add_all(
        Derivation(
            id=ids.new_id("deriv_"),
            team_id=team_id,
            source_id=other.id,
            kind=MERGE,
            options={},
            output_ids=[merged.id],
            created_at=clock.now(),
        )
        for other in others
    )
    return merged


def fill(session: Session, derivation: Derivation, contents: list[Stored]) -> None:
    """Store the contents of derived files and schedule their checks; skip files that were deleted.

    Raises `QuotaExceeded` if they need more room than their source and the team has none left.
    """
    release(session, [derivation.id])
    for file_id, stored in zip(derivation.output_ids, contents, strict=True):
        file = session.get_one(File, file_id, with_for_update=True)
        if file.deleted_at is None:
            actions.give_content(session, file, stored)
            actions.order_check(session, file)
    actions.unmark_used(session, file_id=derivation.source_id, used_by=derivation.id)


def fail(session: Session, derivation: Derivation, reason: str) -> None:
    """Mark derived files as failed."""
    release(session, [derivation.id])
    for file_id in derivation.output_ids:
        file = session.get_one(File, file_id, with_for_update=True)
        if file.deleted_at is None:
            actions.fail_file(session, file, reason)
    actions.unmark_used(session, file_id=derivation.source_id, used_by=derivation.id)
