"""The team and key that pay for a request; in a file of its own because workers meter too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Unit = Literal["requests", "tokens"]


@dataclass(frozen=True, slots=True)
class Payer:
    """A team, by one of its keys, that may call models and pays for it.

    `limits` are the requests and tokens a minute that differ from the settings', by the id of team or key.
    `counted_as`, `most_in_flight` and `ends_at` are those of the `Caller`; a worker's payer has no requests
    in flight.
    """

    team_id: str
    key_id: str
    limits: Mapping[tuple[str, Unit], int] = field(default_factory=dict, hash=False, compare=False)
    counted_as: str = field(default="", compare=False)
    most_in_flight: int | None = field(default=None, compare=False)
    ends_at: datetime | None = field(default=None, compare=False)
