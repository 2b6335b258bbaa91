"""Compare a provider's job list with what we charged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

_ENDED = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True)
class Booked:
    """A job in our ledger. `charged` is a quantity in tokens, or in hours if `by_hour`."""

    job_id: str
    status: str
    charged: Decimal
    by_hour: bool = False


@dataclass(frozen=True)
class Listed:
    """A job in the provider's list, with the quantity that it bills for the way the job ended.

    `owed` is in tokens, `owed_hours` in hours; only our ledger knows which of them the job is billed by.
    """

    provider_job_id: str
    stamp: str | None
    status: str
    owed: Decimal
    owed_hours: Decimal = Decimal(0)


@dataclass(frozen=True)
class Drift:
    """One difference. `what` is one of:

    - `charged`: we charged a quantity other than the one the provider reports
    - `ended`: the job has ended on one side only
    - `missing_there`: the provider does not list a job that we submitted
    - `missing_here`: the provider lists a job with our stamp that is not in our database
    """

    what: str
    job_id: str
    ours: str
    theirs: str

    def as_json(self) -> dict[str, str]:
        """Convert to a JSON object."""
        return asdict(self)


def compare(ours: Mapping[str, Booked], theirs: Iterable[Listed]) -> list[Drift]:
    """Return the differences. `ours` maps provider job ids to jobs; jobs without our stamp are ignored."""
    found: list[Drift] = []
    seen: set[str] = set()
    for listed in theirs:
        booked = ours.get(listed.provider_job_id)
        if booked is not None:
            seen.add(listed.provider_job_id)
            found += _differences(booked, listed)
        elif listed.stamp is not None:
            found.append(Drift("missing_here", listed.stamp, "nothing", listed.status))
    gone = (booked for provider_job_id, booked in ours.items() if provider_job_id not in seen)
    found += [Drift("missing_there", booked.job_id, booked.status, "nothing") for booked in gone]
    return sorted(found, key=lambda drift: (drift.what, drift.job_id))


def _differences(booked: Booked, listed: Listed) -> Sequence[Drift]:
    if (booked.status in _ENDED) != (listed.status in _ENDED):
        return [Drift("ended", booked.job_id, booked.status, listed.status)]
    owed = listed.owed_hours if booked.by_hour else listed.owed
    if booked.status in _ENDED and booked.charged != owed:
        return [Drift("charged", booked.job_id, f"{booked.charged.normalize():f}", f"{owed.normalize():f}")]
    return []
