"""Routes for a team's policy on warnings."""

from typing import Literal

from fastapi import APIRouter

from service.core.web import RequestSession
from service.core.wire import WireIn, WireOut
from service.dataset.warnings.found import Code
from service.files.policy import actions as policies
from service.teams.access import Manager, Reader
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1/dataset_policy", tags=["files"], route_class=IdempotentRoute)


class PolicyPut(WireIn):
    """The warnings that shall be errors, by code; all others stay warnings."""

    errors: list[Code]


class PolicyOut(WireOut):
    """Which warnings keep the team's files from being trained on."""

    object: Literal["dataset_policy"] = "dataset_policy"
    errors: list[str]


@router.get("")
def retrieve_policy(session: RequestSession, caller: Reader) -> PolicyOut:
    """Look at the team's policy."""
    return PolicyOut(errors=sorted(policies.errors_of(session, caller.team)))


@router.put("")
def put_policy(body: PolicyPut, session: RequestSession, caller: Manager) -> PolicyOut:
    """Change the team's policy; files that were checked before stay as they are."""
    return PolicyOut(errors=sorted(policies.set_errors(session, caller.team, body.errors)))
