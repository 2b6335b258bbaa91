"""The months that pages offer to choose."""

from service.core.clock import now

_OFFERED = 24


def latest_months() -> list[str]:
    """Return the names of the latest two years' months, the present one first."""
    year, month = now().year, now().month
    found = []
    for _ in range(_OFFERED):
        found.append(f"{year}-{month:02}")
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
    return found
