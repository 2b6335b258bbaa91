"""Amounts, times and sizes in words, for templates."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

_UNITS = ("B", "kB", "MB", "GB", "TB")
_STATES = {
    "running": "run",
    "validating_files": "run",
    "pausing": "run",
    "uploaded": "run",
    "pending": "run",
    "succeeded": "ok",
    "processed": "ok",
    "delivered": "ok",
    "healthy": "ok",
    "ok": "ok",
    "closed": "ok",
    "accepted": "ok",
    "enabled": "ok",
    "allowed": "ok",
    "failed": "bad",
    "error": "bad",
    "down": "bad",
    "unreachable": "bad",
    "open": "",
    "paused": "warn",
    "degraded": "warn",
    "waiting": "warn",
    "refused": "warn",
    "blocked": "warn",
    "disabled": "warn",
    "overdue": "warn",
}


def money(amount: Decimal | str | None) -> str:
    """Write US dollars in cents; what is less than a cent, with all its digits; nothing as a dash."""
    if amount is None:
        return "–"
    value = Decimal(amount)
    if value and abs(value) < Decimal("0.01"):
        return f"{value.normalize():f}"
    return f"{value:,.2f}"


def dollars(amount: Decimal | str | None) -> str:
    """Write an amount that stands alone, with its sign."""
    text = money(amount)
    return text if amount is None else f"-${text[1:]}" if text.startswith("-") else f"${text}"


def moment(seconds: int | datetime | None) -> str:
    """Write a time in UTC to the minute."""
    return "–" if seconds is None else f"{_as_datetime(seconds):%Y-%m-%d %H:%M}"


def clock_time(seconds: int | datetime) -> str:
    """Write a time of the day in UTC to the second."""
    return f"{_as_datetime(seconds):%H:%M:%S}"


def iso(seconds: int | datetime) -> str:
    """Write a time for a machine."""
    return _as_datetime(seconds).isoformat()


def count(number: int | str | None) -> str:
    """Write a number with separators."""
    return "–" if number is None else f"{int(number):,}"


def size(size_bytes: int) -> str:
    """Write a number of bytes with a unit."""
    value, unit = float(size_bytes), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 or value >= 100 else f"{value:.1f} {_UNITS[unit]}"


def state_class(state: str) -> str:
    """Return the class of a state's badge."""
    return _STATES.get(state, "")


def short_model(name: str) -> str:
    """Write a tuned model's suffix and hash, which tell it from its family; other names as they are."""
    parts = name.split(":")
    return ":".join(part for part in parts[3:] if part) if parts[0] == "ft" and len(parts) > 4 else name


def plain(name: str) -> str:
    """Write a name from the API without its underscores."""
    return name.replace("_", " ")


def _as_datetime(moment_: int | datetime) -> datetime:
    return moment_ if isinstance(moment_, datetime) else datetime.fromtimestamp(moment_, UTC)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "money": money,
    "dollars": dollars,
    "moment": moment,
    "clock_time": clock_time,
    "iso": iso,
    "count": count,
    "size": size,
    "state_class": state_class,
    "plain": plain,
    "short_model": short_model,
}
