"""Make files from other files: splits, conversions, and uploads that are not JSON lines."""

from collections.abc import Iterator
from contextlib import ExitStack

import msgspec
import structlog

from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.dataset.convert.pipeline import Options, converted
from service.dataset.convert.sources import source_of
from service.dataset.convert.unpack import Unreadable
from service.dataset.split import Stratify, choose, part
from service.files import actions
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
    stratify: Stratify


def derive(lease: Lease) -> None:
    """Make the contents of a derivation, with no transaction open, then give them to its files."""
    with transaction() as session:
        derivation = session.get_one(Derivation, lease.subject_id)
        source = session.get_one(File, derivation.source_id)
        content = find_content(session, source)
        if content is None or lease.attempts > _MAX_ATTEMPTS:
            deriving.fail(session, derivation, _GIVEN_UP)
            work.finish(session, lease)
            return
    try:
        with ExitStack() as kept:
            made = [kept.enter_context(storing(part)) for part in _parts(derivation, source, content)]
            _record(lease, derivation, made)
    except Unreadable as bad:
        with transaction() as session:
            deriving.fail(session, derivation, str(bad))
            work.finish(session, lease)


def to_jsonl(lease: Lease, file: File, content: Content) -> None:
    """Replace an upload by its JSON lines, which are checked next."""
    source = source_of(file.filename)
    chunks = converted(stream(content), source, content.size_bytes, Options(to=file.format))
    try:
        with storing(chunks) as stored, transaction() as session:
            work.finish(session, lease)
            current = session.get_one(File, file.id, with_for_update=True)
            if current.deleted_at is None:
                current.filename = source.jsonl_name
                actions.give_content(session, current, stored)
    except Unreadable as bad:
        with transaction() as session:
            work.finish(session, lease)
            current = session.get_one(File, file.id, with_for_update=True)
            if current.deleted_at is None:
                actions.fail_file(session, current, str(bad))


def _parts(derivation: Derivation, source: File, content: Content) -> list[Iterator[bytes]]:
    """The bytes of each new file."""
    if derivation.kind == deriving.CONVERSION:
        options = msgspec.convert(derivation.options, Options)
        return [converted(stream(content), source_of(source.filename), content.size_bytes, options)]
    wanted = msgspec.convert(derivation.options, SplitOptions)
    chosen = choose(
        stream(content), share=wanted.validation_share, seed=wanted.seed, stratify=wanted.stratify
    )
    return [part(stream(content), chosen, validation=validation) for validation in (False, True)]


def _record(lease: Lease, derivation: Derivation, made: list[Stored]) -> None:
    with transaction() as session:
        work.finish(session, lease)
        deriving.fill(session, derivation, made)
    log.info("files_derived", kind=derivation.kind, size_bytes=[stored.size_bytes for stored in made])
