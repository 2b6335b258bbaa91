"""Times functions, and prints a benchmark's rows."""

import statistics
import sys
import time
from collections.abc import Callable


def took(what: str, work: Callable[[], None]) -> None:
    """Run once and print how long it took."""
    started = time.monotonic()
    work()
    say(f"| {what} | {time.monotonic() - started:.1f} s | |")


def timed(what: str, work: Callable[[], int], times: int = 9) -> None:
    """Run several times and print the median and the slowest in ms, and the number of rows."""
    work()
    lasted = []
    for _ in range(times):
        started = time.perf_counter()
        rows = work()
        lasted.append((time.perf_counter() - started) * 1000)
    say(f"| {what} | {statistics.median(lasted):.0f} ms, slowest {max(lasted):.0f} | {rows:,} rows |")


def say(line: str) -> None:
    """Print without buffering."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
