"""Quotas on the wire."""

from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy.orm import Session

from service.core.wire import WireIn, WireOut
from service.teams.quotas.actions import Quota, standing_of

# The largest integer that every JSON reader keeps exact.
Most = Annotated[int, Field(ge=0, le=2**53 - 1)]


class QuotasIn(WireIn):
    """The quotas to set; one that you leave out stays, null takes the settings' value again."""

    storage_bytes: Most | None = None
    files: Most | None = None
    endpoints: Most | None = None
    keys: Most | None = None
    queued_jobs: Most | None = None
    requests_in_flight: Annotated[Most, Field(ge=1)] | None = None


class QuotaOut(WireOut):
    """One quota: `limit` is null without a limit, `used` where use is not counted."""

    limit: int | None
    used: int | None


class QuotasOut(WireOut):
    """What a team may have, and what it has."""

    object: Literal["team.quotas"] = "team.quotas"
    storage_bytes: QuotaOut
    files: QuotaOut
    endpoints: QuotaOut
    keys: QuotaOut
    queued_jobs: QuotaOut
    requests_in_flight: QuotaOut


def quotas_out(session: Session, team_id: str) -> QuotasOut:
    """The wire form of a team's quotas."""
    standing = standing_of(session, team_id).items()
    return QuotasOut(**{quota.value: QuotaOut(limit=limit, used=used) for quota, (limit, used) in standing})


def asked_quotas(body: QuotasIn) -> dict[Quota, int | None]:
    """The quotas that the body names."""
    return {Quota(name): most for name, most in body.model_dump(exclude_unset=True).items()}
