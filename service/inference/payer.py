"""Who pays. Apart from how callers are known, so that workers can meter too."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Payer:
    """A team, by one of its keys, that may call models and pays for it."""

    team_id: str
    key_id: str
