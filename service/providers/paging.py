"""Walk OpenAI's cursor lists, which some upstreams serve without honouring the cursor."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from service.core.clock import known_unix
from service.providers.answers import Garbage, read_items
from service.providers.bounds import PAGE as PAGE_BOUND
from service.providers.calls import within
from service.providers.errors import OutcomeUnknown, Retryable
from service.providers.failures import translated
from service.providers.scrub import Clean

PAGE = 100
_MOST_PAGES = 100
_MOST_ITEMS = 1000  # of a page; the largest that we ask for
_CLOCK_SKEW = timedelta(minutes=10)
_LONGEST_WALK = 10  # times the timeout of one call

Item = dict[str, Any]
Fetch = Callable[[str | None], dict[str, Any]]  # reads the page after an id


class TooLong(Exception):
    """The list goes on beyond what we read of one (10,000 items)."""


def iter_pages(fetch: Fetch, most_pages: int = _MOST_PAGES) -> Iterator[list[Item]]:
    """The pages that `fetch(after)` answers, until one is empty, the last, or a repetition.

    Raises `TooLong` after `most_pages`, `Garbage` when an answer is not a list or far longer than asked for.
    """
    after: str | None = None
    seen: set[str] = set()
    for _ in range(most_pages):
        answer = fetch(after)
        items = read_items(answer)
        if len(items) > _MOST_ITEMS:
            raise Garbage(f"The provider's list has a page of more than {_MOST_ITEMS} items.")
        if items:
            yield items
        after = items[-1].get("id") if items else None
        if answer.get("has_more") is False or not isinstance(after, str) or after in seen:
            return
        seen.add(after)
    raise TooLong


@dataclass(frozen=True)
class Walker:
    """Walks one provider's lists: each page within `timeout_s`, a list within ten times that."""

    clean: Clean
    timeout_s: float

    def fetch(self, fetch: Fetch, after: str | None) -> list[Item]:
        """One page. Raises `ProviderError`."""
        with translated(self.clean, repeatable=True), within(self.timeout_s, PAGE_BOUND):
            return next(iter_pages(lambda _: fetch(after)), [])

    def pages(self, fetch: Fetch) -> Iterator[list[Item]]:
        """All pages. Raises `ProviderError`, `TooLong`, and `Retryable` when the whole takes too long."""
        ends_at = time.monotonic() + _LONGEST_WALK * self.timeout_s
        pages = iter_pages(fetch)
        while True:
            if time.monotonic() > ends_at:
                raise Retryable("The provider's list took too long to read.", code="no_answer")
            with translated(self.clean, repeatable=True), within(self.timeout_s, PAGE_BOUND):
                page = next(pages, None)
            if page is None:
                return
            yield page

    def items(self, fetch: Fetch, since: datetime | None = None) -> Iterator[Item]:
        """The objects of a newest-first list, back to `since` with a margin for clocks that differ.

        Raises `OutcomeUnknown` when the list is too long to look through.
        """
        try:
            for page in self.pages(fetch):
                yield from page
                if since is not None and _is_before(page[-1], since - _CLOCK_SKEW):
                    return
        except TooLong:
            raise OutcomeUnknown("The provider's list is too long to look through.") from None

    def oldest_first(self, fetch: Fetch, known: frozenset[str]) -> Iterator[list[Item]]:
        """The pages of a newest-first list up to the first item whose id is `known`, turned round.

        The first pass keeps only the pages' cursors, the second reads the pages again, oldest first, so that
        each can be recorded before the next is read. Of a list without end the newest 10,000 items are read.
        """
        cursors: list[str | None] = []
        newest: list[Item] = []
        oldest: list[Item] = []
        try:
            for page in self.pages(fetch):
                cursors.append(oldest[-1]["id"] if oldest else None)
                newest, oldest = newest or page, _before_known(page, known)
                if len(oldest) < len(page):
                    break
        except TooLong:
            pass
        if len(cursors) > 1 and oldest:
            yield oldest[::-1]
        for cursor in reversed(cursors[1:-1]):
            yield self.fetch(fetch, cursor)[::-1]
        # Kept, not read again: newer items have come to the top of the list since, and moved it down.
        if newest:
            yield _before_known(newest, known)[::-1]


def _before_known(page: list[Item], known: frozenset[str]) -> list[Item]:
    for position, item in enumerate(page):
        if item.get("id") in known:
            return page[:position]
    return page


def _is_before(raw: Mapping[str, Any], moment: datetime) -> bool:
    created = raw.get("created_at")
    at = known_unix(created) if isinstance(created, int) else None
    return at is not None and at < moment
