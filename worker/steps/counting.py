"""Count the tokens of training files with a base's own tokenizer, at its provider."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import structlog

from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.dataset.lines import batches
from service.files import counting
from service.files.counting import BaseTokens, Subject
from service.files.queries import find_content, stream
from service.files.tables import Content, File
from service.providers.errors import NotConfigured, Rejected
from service.providers.port import Provider
from service.providers.registry import get_provider
from worker.provider_failures import noting_throttles, retried

log = structlog.get_logger(__name__)

# A trainer counts a few megabytes per second while it trains; a larger file would keep it busy for minutes.
_MAX_BYTES = 64 * 2**20
_TOO_LARGE = "the file is larger than 64 MB"
_REFUSED = "the provider could not count it"
_LINES_AT_ONCE = 500


@retried
def count_tokens(lease: Lease) -> None:
    """Send a file's lines to the provider in batches and store the counts."""
    subject = Subject(**lease.args)
    found = _to_count(lease, subject)
    if found is None:
        return
    file, content = found
    tokens, note = None, ""
    try:
        if content.size_bytes > _MAX_BYTES:
            note = _TOO_LARGE
        else:
            with noting_throttles(subject.provider):
                tokens = _count(get_provider(subject.provider), subject.model, content)
    except NotConfigured:
        log.info("provider_not_configured", provider=subject.provider)
    except Rejected as refusal:
        log.warning("tokens_not_counted", provider=subject.provider, model=subject.model, code=refusal.code)
        note = _REFUSED
    with transaction() as session:
        work.finish(session, lease)
        living = session.get_one(File, file.id, with_for_update=True)
        if living.deleted_at is None and (tokens or note):
            counting.record(session, living, subject, tokens, note)


def _count(provider: Provider, model: str, content: Content) -> BaseTokens | None:
    lengths: Counter[int] = Counter()
    truncated = seen = 0
    problems: dict[int, str] = {}
    for examples in _examples(content):
        counted = provider.count_tokens(model, examples)
        if counted is None:
            return None
        lengths.update(counted.tokens)
        truncated += counted.truncated
        problems |= {seen + line: message for line, message in counted.problems.items()}
        seen += len(examples)
    return counting.summary(lengths, truncated, problems)


def _examples(content: Content) -> Iterator[list[dict[str, Any]]]:
    """The parsed lines of a checked file, in batches."""
    for batch in batches(stream(content)):
        lines = [line for line in batch.lines if line and not line.isspace()]
        for at in range(0, len(lines), _LINES_AT_ONCE):
            yield [msgspec.json.decode(line) for line in lines[at : at + _LINES_AT_ONCE]]


def _to_count(lease: Lease, subject: Subject) -> tuple[File, Content] | None:
    """The file and its content; None when there is nothing to count, and then the lease has ended."""
    with transaction() as session:
        file = session.get(File, subject.file_id)
        content = find_content(session, file) if file and file.deleted_at is None else None
        if file and content and not counting.exact_tokens(session, file, subject.provider, subject.model):
            return file, content
        work.finish(session, lease)
        return None
