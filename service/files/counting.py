"""Count a content's tokens with a base's own tokenizer: schedule the counts, and store them.

Only the trainer has the tokenizers of its bases, so it counts for us: each content once per base, in the
background. Until then, and for contents too large to count this way, estimates use the encoding that the
catalogue names for the base.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import NamedTuple

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.catalog.offers import Offer, offers
from service.core import clock, work
from service.core.work import WorkItem
from service.dataset import report
from service.dataset.report import LengthBucket
from service.files.tables import File, FileStatus, TokenCount

COUNT = "file.count_tokens"  # the unit of work that counts one content for one base
_TRY_AGAIN_AFTER = timedelta(hours=1)  # after a failed count, when the report is read again


class BaseTokens(msgspec.Struct, frozen=True):
    """Exact counts over all examples, cut to the base's limit; `truncated` counts the ones cut.

    `unusable` counts the examples that the base cannot be trained on, and `problem` describes the first.
    """

    total: int
    min: int
    p50: int
    p95: int
    p99: int
    max: int
    truncated: int
    histogram: list[LengthBucket]
    unusable: int = 0
    problem: str | None = None


class Counted(NamedTuple):
    """The count for one base that has its own tokenizer.

    `note` says why `tokens` is None, or why the base cannot be trained on the file.
    """

    provider: str
    model: str
    tokens: BaseTokens | None
    note: str | None


class Subject(NamedTuple):
    """The file and the base of one counting unit of work."""

    file_id: str
    provider: str
    model: str


def order(session: Session, file: File) -> None:
    """Schedule the missing counts of a processed file, one per base with its own tokenizer."""
    if file.status != FileStatus.PROCESSED:
        return
    known = _known(session, file)
    for offer in _counting(file):
        subject = Subject(file.id, offer.provider_name, offer.model.id)._asdict()
        row = known.get((offer.provider_name, offer.model.id))
        done = row is not None and (row.tokens is not None or clock.now() - row.created_at < _TRY_AGAIN_AFTER)
        if not done and session.get(WorkItem, (COUNT, work.subject_id_of(subject))) is None:
            work.schedule(session, COUNT, subject, team_id=file.team_id)


def counted(session: Session, file: File) -> list[Counted]:
    """Return the counts of this file for every offered base that has its own tokenizer."""
    known = _known(session, file)
    found = []
    for offer in _counting(file):
        row = known.get((offer.provider_name, offer.model.id))
        note = row.note if row else "being counted"
        tokens = msgspec.convert(row.tokens, BaseTokens) if row and row.tokens else None
        if tokens and tokens.problem:
            note = tokens.problem
        found.append(Counted(offer.provider_name, offer.model.id, tokens, note))
    return found


def exact_tokens(session: Session, file: File, provider: str, model: str) -> BaseTokens | None:
    """Return a file's count by one base's own tokenizer; None when there is none."""
    return tokens_of(session.get(TokenCount, (file.team_id, file.sha256, provider, model)))


def tokens_of(row: TokenCount | None) -> BaseTokens | None:
    """Return the counts of a row; None when the count failed or there is no row."""
    return msgspec.convert(row.tokens, BaseTokens) if row and row.tokens else None


def record(session: Session, file: File, subject: Subject, tokens: BaseTokens | None, note: str = "") -> None:
    """Store a count, or the reason why it failed. An earlier count is kept."""
    row = insert(TokenCount).values(
        team_id=file.team_id,
        sha256=file.sha256,
        provider=subject.provider,
        model=subject.model,
        tokens=msgspec.to_builtins(tokens),
        note=note or None,
        created_at=clock.now(),
    )
    uncounted = row.on_conflict_do_update(
        constraint="pk_token_counts",
        set_={name: row.excluded[name] for name in ("tokens", "note", "created_at")},
        where=TokenCount.tokens.is_(None),
    )
    session.execute(uncounted)


def summary(lengths: Counter[int], truncated: int, problems: Mapping[int, str]) -> BaseTokens:
    """Return the statistics of a histogram of example lengths; `problems` has the unusable examples."""
    first = min(problems, default=0)
    share = partial(report.percentile, lengths)
    return BaseTokens(
        total=sum(length * times for length, times in lengths.items()),
        min=min(lengths, default=0),
        p50=share(0.50),
        p95=share(0.95),
        p99=share(0.99),
        max=max(lengths, default=0),
        truncated=truncated,
        histogram=report.histogram(lengths),
        unusable=len(problems),
        problem=f"A job on this base would fail. Example {first}: {problems[first]}." if first else None,
    )


def _counting(file: File) -> list[Offer]:
    today = clock.now().date()
    first = {offer.model.id: offer for offer in reversed(offers())}  # where a job on it would go
    return [
        offer
        for offer in first.values()
        if offer.model.counts_tokens
        and offer.model.trains_on(today)
        and file.format in offer.model.formats.values()
    ]


def _known(session: Session, file: File) -> Mapping[tuple[str, str], TokenCount]:
    same = TokenCount.team_id == file.team_id, TokenCount.sha256 == file.sha256
    return {(row.provider, row.model): row for row in session.scalars(select(TokenCount).where(*same))}
