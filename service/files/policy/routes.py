"""Routes for a team's policy on warnings."""

from typing import Literal

from fastapi import APIRouter

from service.core.http.web import RequestSession
from service.core.http.wire import WireIn, WireOut
from service.dataset.warnings.found import Code
from service.files.policy import actions as policies
from service.teams.access import Manager, Reader
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1/dataset_policy", tags=["files"], route_class=IdempotentRoute)


class PolicyPut(WireIn):
    """Which warnings to treat as errors."""

    errors: list[Code]
    """The codes of those warnings; all others stay warnings."""


class PolicyOut(WireOut):
    """Which warnings are treated as errors."""

    object: Literal["dataset_policy"] = "dataset_policy"
    errors: list[str]
    """The codes of those warnings."""


@router.get("")
def retrieve_policy(session: RequestSession, caller: Reader) -> PolicyOut:
    """Get the team's policy on warnings."""
    return PolicyOut(errors=sorted(policies.errors_of(session, caller.team)))


@router.put("")
def put_policy(body: PolicyPut, session: RequestSession, caller: Manager) -> PolicyOut:
    """Change the team's policy on warnings. Files that are already checked keep their status."""
    return PolicyOut(errors=sorted(policies.set_errors(session, caller.team, body.errors)))
