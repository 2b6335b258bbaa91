"""Routes for administrators: provider blocks and orphans."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from sqlalchemy import select

from service.core.clock import unix
from service.core.http.pages import ListOut
from service.core.http.web import RequestSession
from service.core.http.wire import WireOut
from service.errors import NotFound
from service.jobs import queue
from service.jobs.blocks import BlockKind, lift_block, standing_blocks
from service.jobs.tables import Orphan, ProviderBlock
from service.teams.access import Admin
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1", tags=["providers"], route_class=IdempotentRoute)
_MOST = 1000
BlockName = Annotated[BlockKind, Path(description="The kind of the block.")]


class BlockOut(WireOut):
    """A block in force on a provider."""

    object: Literal["provider.block"] = "provider.block"
    id: str
    """The block, as `provider/kind`."""
    provider: str
    kind: str
    """`wound_down`, `key`, `quota`, `daily` or `rate`, from the longest lasting to the shortest."""
    model: str | None
    """The base that is blocked; null means all of them."""
    message: str
    """The provider's reason."""
    since: int
    """When it began, in unix seconds."""
    until: int | None
    """When it ends by itself, in unix seconds; null if only an administrator can lift it."""


class BlockDeleted(WireOut):
    """A block that was lifted."""

    object: Literal["provider.block"] = "provider.block"
    id: str
    deleted: Literal[True] = True


class OrphanOut(WireOut):
    """A provider job or file that carries our stamp but had no row."""

    object: Literal["provider.orphan"] = "provider.orphan"
    id: str
    """The provider's id."""
    provider: str
    kind: str
    """`job` or `file`."""
    job_id: str | None
    """The id of our job that it belongs to; null if there is none."""
    outcome: str
    """What was done about it."""
    found_at: int
    """When it was found, in unix seconds."""


@router.get("/provider_blocks")
def list_blocks(session: RequestSession, _: Admin) -> ListOut[BlockOut]:
    """List the provider blocks that are in force."""
    data = [_block_out(block) for block in standing_blocks(session)]
    return ListOut[BlockOut](
        data=data, first_id=data[0].id if data else None, last_id=data[-1].id if data else None
    )


@router.delete("/provider_blocks/{provider}/{kind}")
def delete_block(provider: str, kind: BlockName, session: RequestSession, _: Admin) -> BlockDeleted:
    """Lift a block, for example after the account was topped up; waiting jobs are woken."""
    if not lift_block(session, provider, kind):
        raise NotFound(f"There is no block {kind.value!r} on the provider {provider!r}.", param="kind")
    queue.wake_all(session, provider)
    return BlockDeleted(id=f"{provider}/{kind.value}")


@router.get("/provider_orphans")
def list_orphans(session: RequestSession, _: Admin) -> ListOut[OrphanOut]:
    """List the latest 1,000 orphans found at providers, and what was done about each."""
    rows = session.scalars(select(Orphan).order_by(Orphan.found_at.desc()).limit(_MOST))
    data = [
        OrphanOut(
            id=row.provider_object_id,
            provider=row.provider,
            kind=row.kind,
            job_id=row.job_id,
            outcome=row.outcome,
            found_at=unix(row.found_at),
        )
        for row in rows
    ]
    return ListOut[OrphanOut](
        data=data, first_id=data[0].id if data else None, last_id=data[-1].id if data else None
    )


def _block_out(block: ProviderBlock) -> BlockOut:
    return BlockOut(
        id=f"{block.provider}/{block.kind}",
        provider=block.provider,
        kind=block.kind,
        model=None if block.model == "*" else block.model,
        message=block.message,
        since=unix(block.since),
        until=None if block.until is None else unix(block.until),
    )
