"""Find the caller of a request: a revoked key stops working within `inference_cache_s`."""

from service.core.db import transaction
from service.errors import Unauthenticated
from service.gateway.limits import actions as own_limits
from service.gateway.payer import Payer
from service.teams.access import NO_KEY, Caller, authenticate
from service.teams.keys.scopes import Scope
from service.teams.known import KnownCallers


class Callers:
    """Finds who pays for a request, and remembers it for `ttl_s`."""

    def __init__(self, ttl_s: float) -> None:
        self._known: KnownCallers[Payer] = KnownCallers(ttl_s)

    async def find(self, authorization: str | None, project: str | None) -> Payer:
        """Return the caller who sent these headers.

        Raises `Unauthenticated`, `Forbidden` without the scope `infer`, `InvalidRequest` for an admin who
        names no team.
        """
        scheme, _, rest = (authorization or "").partition(" ")
        secret = rest.strip()
        if scheme.lower() != "bearer" or not secret:
            raise Unauthenticated(NO_KEY)
        return await self._known.find(secret, project, lambda: admit(authenticate(secret, project)))


def admit(caller: Caller) -> Payer:
    """Return who pays for a caller's requests. Raises `Forbidden` without the scope `infer`."""
    caller.require_scope(Scope.INFER)
    caller.require_living_team()
    with transaction() as session:
        limits = own_limits.of_subjects(session, [caller.team, caller.account_id])
    return Payer(
        caller.team, caller.account_id, limits, caller.counted_as, caller.most_in_flight, caller.ends_at
    )
