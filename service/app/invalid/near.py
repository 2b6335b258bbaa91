"""Suggest the name that a caller probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(sent: str, known: Iterable[str]) -> str | None:
    """Return the known name most like `sent`, or None if none is like it."""
    found = get_close_matches(sent[:64].lower(), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(sent: str, known: Iterable[str]) -> str:
    """Return a sentence with the nearest name, starting with a space; empty if none is near."""
    name = nearest(sent, known)
    return f" Did you mean '{name}'?" if name else ""
