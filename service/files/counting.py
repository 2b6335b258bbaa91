"""Tokens of a content by a base's own tokenizer: what is to be counted, and what was.

Bases of our own trainer read with tokenizers that nobody else knows, so the trainer counts for us. A content
is counted once for each base, in the background; until then, and for contents too large for that, the
encoding that the catalogue names for the base is what there is.
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

COUNT = "file.count_tokens"  # the unit of work that has one content counted for one base
_TRY_AGAIN_AFTER = timedelta(hours=1)  # where it could not be, and someone asks for the report


class BaseTokens(msgspec.Struct, frozen=True):
    """Exact counts over all examples as one base is trained on them; `truncated` are too long for it."""

    total: int
    min: int
    p50: int
    p95: int
    p99: int
    max: int
    truncated: int
    histogram: list[LengthBucket]


class Counted(NamedTuple):
    """A base that has its own tokenizer; without `tokens`, `note` says why there are none."""

    provider: str
    model: str
    tokens: BaseTokens | None
    note: str | None


class Subject(NamedTuple):
    """What a unit of work counts, and for whom."""

    file_id: str
    provider: str
    model: str


def order(session: Session, file: File) -> None:
    """Have a file that can be trained on counted for every base that counts by itself and has not yet."""
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
    """Every base on offer that counts this file by itself, and what it counted."""
    known = _known(session, file)
    found = []
    for offer in _counting(file):
        row = known.get((offer.provider_name, offer.model.id))
        note = row.note if row else "being counted"
        tokens = msgspec.convert(row.tokens, BaseTokens) if row and row.tokens else None
        found.append(Counted(offer.provider_name, offer.model.id, tokens, note))
    return found


def exact_tokens(session: Session, file: File, provider: str, model: str) -> BaseTokens | None:
    """What a file comes to for one base by the base's own tokenizer; None when nobody counted."""
    row = session.get(TokenCount, (file.team_id, file.sha256, provider, model))
    return msgspec.convert(row.tokens, BaseTokens) if row and row.tokens else None


def record(session: Session, file: File, subject: Subject, tokens: BaseTokens | None, note: str = "") -> None:
    """Keep what was counted, or why it could not be; what was counted before stays."""
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


def summary(lengths: Counter[int], truncated: int) -> BaseTokens:
    """What so many examples of each length come to."""
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
    )


def _counting(file: File) -> list[Offer]:
    today = clock.now().date()
    first = {offer.model.id: offer for offer in reversed(offers())}  # where a job of that base would go
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
