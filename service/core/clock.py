"""The one place that reads the time."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, timezone-aware, in UTC."""
    return datetime.now(UTC)


def unix(moment: datetime) -> int:
    """Return whole seconds since 1970-01-01 UTC, the format of all times on the wire."""
    return int(moment.timestamp())


def optional_unix(moment: datetime | None) -> int | None:
    """Return the same as `unix`, or None for None."""
    return None if moment is None else unix(moment)


def known_unix(seconds: float) -> datetime | None:
    """Return the time for unix seconds that a stranger sent; None for what no calendar has."""
    try:
        return from_unix(seconds) if seconds > 0 else None
    except (OverflowError, ValueError, OSError):
        return None


def from_unix(seconds: float) -> datetime:
    """Return the time for unix seconds from the wire."""
    return datetime.fromtimestamp(seconds, UTC)
