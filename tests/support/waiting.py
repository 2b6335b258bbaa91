"""Wait for something to become true, by asking; the pause only paces the asking."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_until(ask: Callable[[], Found | None], timeout_s: float = 30.0, every_s: float = 0.05) -> Found:
    """The first truthy answer of `ask`. Raises `AssertionError` when none came in time."""
    pace = threading.Event()
    deadline = time.monotonic() + timeout_s
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(
                f"nothing came of {ask} within {timeout_s} s; the last answer was {answer!r}"
            )
        pace.wait(every_s)
