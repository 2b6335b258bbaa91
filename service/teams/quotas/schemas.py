"""Quotas on the wire."""

from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy.orm import Session

from service.core.http.wire import WireIn, WireOut
from service.teams.quotas.actions import Quota, standing_of

# The largest integer that every JSON reader keeps exact.
Most = Annotated[int, Field(ge=0, le=2**53 - 1)]


class QuotasIn(WireIn):
    """The quotas to set. Those that you leave out keep their values; null restores the operator's default."""

    storage_bytes: Most | None = None
    """Bytes of files, arriving ones included; equal contents count once, result files do not count."""
    files: Most | None = None
    """Training files that are not deleted."""
    endpoints: Most | None = None
    """Webhook endpoints, disabled ones included."""
    keys: Most | None = None
    """Keys that are neither revoked nor expired."""
    queued_jobs: Most | None = None
    """Jobs that have not ended."""
    requests_in_flight: Annotated[Most, Field(ge=1)] | None = None
    """Requests that one api process answers at a time, inference and open streams included."""


class QuotaOut(WireOut):
    """One quota."""

    limit: int | None
    """The limit; null means none."""
    used: int | None
    """What is used of it; null if that is not counted."""


class QuotasOut(WireOut):
    """A team's quotas and their usage."""

    object: Literal["team.quotas"] = "team.quotas"
    storage_bytes: QuotaOut
    """Bytes of files, arriving ones included; equal contents count once, result files do not count."""
    files: QuotaOut
    """Training files that are not deleted."""
    endpoints: QuotaOut
    """Webhook endpoints, disabled ones included."""
    keys: QuotaOut
    """Keys that are neither revoked nor expired."""
    queued_jobs: QuotaOut
    """Jobs that have not ended."""
    requests_in_flight: QuotaOut
    """Requests that one api process answers at a time, inference and open streams included."""


def quotas_out(session: Session, team_id: str) -> QuotasOut:
    """Return the wire form of a team's quotas."""
    standing = standing_of(session, team_id).items()
    return QuotasOut(**{quota.value: QuotaOut(limit=limit, used=used) for quota, (limit, used) in standing})


def asked_quotas(body: QuotasIn) -> dict[Quota, int | None]:
    """Return the quotas that the body names."""
    return {Quota(name): most for name, most in body.model_dump(exclude_unset=True).items()}
