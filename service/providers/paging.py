"""Walk OpenAI's cursor lists, which some upstreams serve without honouring the cursor."""

from collections.abc import Callable, Iterator
from typing import Any

from service.providers.answers import read_items

PAGE = 100
_MOST_PAGES = 100


class TooLong(Exception):
    """The list went on beyond what we are willing to read (10,000 items)."""


def iter_pages(
    fetch: Callable[[str | None], dict[str, Any]], most_pages: int = _MOST_PAGES
) -> Iterator[list[dict[str, Any]]]:
    """The pages that `fetch(after)` answers, until one is empty, the last, or a repetition.

    Raises `TooLong` after `most_pages`, `Garbage` when an answer is no list.
    """
    after: str | None = None
    seen: set[str] = set()
    for _ in range(most_pages):
        answer = fetch(after)
        items = read_items(answer)
        if items:
            yield items
        after = items[-1].get("id") if items else None
        if answer.get("has_more") is False or not isinstance(after, str) or after in seen:
            return
        seen.add(after)
    raise TooLong
