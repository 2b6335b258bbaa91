"""Create files from other files: splits, conversions and merges."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Literal

import msgspec
import structlog

from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.dataset.convert.pipeline import Conversion, Options
from service.dataset.convert.problems import Unreadable
from service.dataset.convert.sources import source_of
from service.errors import QuotaExceeded
from service.files.derived import actions as deriving
from service.files.queries import find_content, stream
from service.files.storing import Stored, storing
from service.files.tables import Content, Derivation, File

log = structlog.get_logger(__name__)

_MAX_ATTEMPTS = 5
_GIVEN_UP = "This file could not be made in 5 attempts. Contact an administrator."


class SplitOptions(msgspec.Struct):
    """The options of a split."""

    validation_share: float
    seed: int
    stratify: Literal["auto", "label", "conversation", "none"]


def derive(lease: Lease) -> None:
    """Create the contents of a derivation with no transaction open, then record them in its files."""
    with transaction() as session:
        derivation = session.get_one(Derivation, lease.subject_id)
        source = session.get_one(File, derivation.source_id)
        content = find_content(session, source)
        merged = [
            find_content(session, session.get_one(File, one)) for one in derivation.options.get("sources", ())
        ]
        if content is None or None in merged or lease.attempts > _MAX_ATTEMPTS:
            deriving.fail(session, derivation, _GIVEN_UP)
            work.finish(session, lease)
            return
    try:
        with ExitStack() as kept:
            made = [kept.enter_context(storing(part)) for part in _parts(derivation, source, content, merged)]
            _record(lease, derivation, made)
    except (Unreadable, QuotaExceeded) as bad:
        with transaction() as session:
            deriving.fail(session, derivation, str(bad))
            work.finish(session, lease)


def _parts(
    derivation: Derivation, source: File, content: Content, merged: Sequence[Content | None]
) -> list[Iterable[bytes]]:
    """The bytes of each new file."""
    if derivation.kind == deriving.MERGE:
        return [_joined(one for one in merged if one is not None)]
    if derivation.kind == deriving.CONVERSION:
        options = msgspec.convert(derivation.options, Options)
        return [Conversion(stream(content), source_of(source.filename), content.size_bytes, options)]
    from service.dataset.split import choose, part

    wanted = msgspec.convert(derivation.options, SplitOptions)
    chosen = choose(
        stream(content), share=wanted.validation_share, seed=wanted.seed, stratify=wanted.stratify
    )
    return [part(stream(content), chosen, validation=validation) for validation in (False, True)]


def _joined(contents: Iterable[Content]) -> Iterator[bytes]:
    """The lines of all contents, one content after the other."""
    for content in contents:
        chunk = b""
        for chunk in stream(content):
            yield chunk
        if not chunk.endswith(b"\n"):
            yield b"\n"


def _record(lease: Lease, derivation: Derivation, made: list[Stored]) -> None:
    with transaction() as session:
        work.finish(session, lease)
        deriving.fill(session, derivation, made)
    log.info("files_derived", kind=derivation.kind, size_bytes=[stored.size_bytes for stored in made])
