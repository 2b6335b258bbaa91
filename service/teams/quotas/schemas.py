"""Quotas on the wire."""

from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy.orm import Session

from service.core.http.wire import WireIn, WireOut
from service.teams.quotas.actions import Quota, standing_of

# The largest integer that every JSON reader keeps exact.
Most = Annotated[int, Field(ge=0, le=2**53 - 1)]


class QuotasIn(WireIn):
    """The quotas to set. Quotas that you leave out keep their values; null restores the default."""

    storage_bytes: Most | None = None
    files: Most | None = None
    endpoints: Most | None = None
    keys: Most | None = None
    queued_jobs: Most | None = None
    requests_in_flight: Annotated[Most, Field(ge=1)] | None = None


class QuotaOut(WireOut):
    """One quota: `limit` is null if there is none, `used` is null if usage is not counted."""

    limit: int | None
    used: int | None


class QuotasOut(WireOut):
    """A team's quotas and their usage."""

    object: Literal["team.quotas"] = "team.quotas"
    storage_bytes: QuotaOut
    files: QuotaOut
    endpoints: QuotaOut
    keys: QuotaOut
    queued_jobs: QuotaOut
    requests_in_flight: QuotaOut


def quotas_out(session: Session, team_id: str) -> QuotasOut:
    """Return the wire form of a team's quotas."""
    standing = standing_of(session, team_id).items()
    return QuotasOut(**{quota.value: QuotaOut(limit=limit, used=used) for quota, (limit, used) in standing})


def asked_quotas(body: QuotasIn) -> dict[Quota, int | None]:
    """Return the quotas that the body names."""
    return {Quota(name): most for name, most in body.model_dump(exclude_unset=True).items()}
