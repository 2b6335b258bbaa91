"""The route that lists the configured providers; it reads the circuits of the gateway, hence this floor."""

from typing import Literal

from fastapi import APIRouter, Request

from service.core.clock import unix
from service.core.db import transaction
from service.core.http.pages import ListOut
from service.core.http.web import Route
from service.core.http.wire import WireOut
from service.gateway.circuit import CircuitState
from service.gateway.gateway import Gateway
from service.jobs.blocks import standing_blocks
from service.providers.health import ProviderHealth, check_all
from service.teams.access import Reader

router = APIRouter(prefix="/v1/providers", tags=["providers"], route_class=Route)


class ProviderOut(WireOut):
    """A configured provider, without its key or address."""

    object: Literal["provider"] = "provider"
    name: str
    """The provider's name, as configured."""
    kind: str
    """The kind of provider, which decides on the catalogue and the wire format."""
    healthy: bool
    """Whether it answered the last check."""
    problem: str | None
    """`key_refused`, `unreachable` or `failing`; null if it is healthy."""
    checked_at: int
    """When it was last asked, in unix seconds; at most 15 s ago."""
    blocks: list[str]
    """The blocks in force: `wound_down`, `key`, `quota`, `daily`, `rate`."""
    circuit: CircuitState
    """Whether the answering process sends requests to it; half open, one of them may try."""


@router.get("")
def list_providers(request: Request, _: Reader) -> ListOut[ProviderOut]:
    """List the providers, their health (checked at most every 15 s), and the blocks in force on them."""
    findings = check_all()
    gateway: Gateway = request.state.gateway
    circuits = gateway.circuits()
    with transaction() as session:
        blocks = standing_blocks(session)
    data = [
        _provider_out(
            health,
            [block.kind for block in blocks if block.provider == health.name],
            circuits.get(health.name, CircuitState.CLOSED),
        )
        for health in findings
    ]
    ends = (data[0].name, data[-1].name) if data else (None, None)
    return ListOut[ProviderOut](data=data, first_id=ends[0], last_id=ends[1])


def _provider_out(health: ProviderHealth, blocks: list[str], circuit: CircuitState) -> ProviderOut:
    return ProviderOut(
        name=health.name,
        kind=health.kind,
        healthy=health.problem is None,
        problem=health.problem,
        checked_at=unix(health.checked_at),
        blocks=blocks,
        circuit=circuit,
    )
