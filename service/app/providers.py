"""The route that lists the configured providers; it reads the circuits of the gateway, hence this floor."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from service.core.clock import unix
from service.core.db import transaction
from service.core.http.pages import ListOut
from service.core.http.web import Route
from service.gateway.circuit import CircuitState
from service.gateway.gateway import Gateway
from service.jobs.blocks import standing_blocks
from service.providers.health import ProviderHealth, check_all
from service.teams.access import Reader

router = APIRouter(prefix="/v1/providers", tags=["providers"], route_class=Route)


class ProviderOut(BaseModel):
    """A configured provider, without its key or address; `circuit` is the state in the answering process."""

    object: Literal["provider"] = "provider"
    name: str
    kind: str
    healthy: bool
    problem: str | None
    checked_at: int
    blocks: list[str]
    circuit: CircuitState


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
