"""Check the graders of a reinforcement job.

https://platform.openai.com/docs/guides/graders. A grader that calls a model is billed by its tokens, which no
provider reports per job: it could not be charged to its team, so it is refused.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from service.errors import InvalidRequest

_FREE = ("multi", "python", "string_check", "text_similarity")


def check_grader(grader: Mapping[str, Any] | None) -> None:
    """Refuse graders that are billed separately from the training. Raises `InvalidRequest`."""
    for one in _all(grader):
        if one.get("type") not in _FREE:
            raise InvalidRequest(
                f"Graders of type {one.get('type')!r} are not supported: their cost cannot be charged. "
                f"Use one of: {', '.join(_FREE)}.",
                param="method",
                code="grader_not_supported",
            )


def _all(grader: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """Yield a grader and the graders that it combines."""
    if grader is None:
        return
    yield grader
    inner = grader.get("graders")
    for one in inner.values() if isinstance(inner, dict) else ():
        yield from _all(one if isinstance(one, dict) else {"type": one})
