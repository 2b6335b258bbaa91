"""What operators see and do about providers: blocks in force, and what was found there unknown to us."""

from typing import Literal

from fastapi import APIRouter
from sqlalchemy import select

from service.core.clock import unix
from service.core.pages import ListOut
from service.core.web import RequestSession
from service.core.wire import WireOut
from service.errors import NotFound
from service.jobs import queue
from service.jobs.tables import Orphan, ProviderBlock
from service.jobs.upstream.blocks import BlockKind, lift_block, standing_blocks
from service.teams.access import Admin
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1", tags=["providers"], route_class=IdempotentRoute)
_MOST = 1000


class BlockOut(WireOut):
    """Why a provider is not asked for something; `until` is null when only an operator can end it."""

    object: Literal["provider.block"] = "provider.block"
    id: str
    provider: str
    kind: str
    model: str | None
    message: str
    since: int
    until: int | None


class BlockDeleted(WireOut):
    """A block that is in force no longer."""

    object: Literal["provider.block"] = "provider.block"
    id: str
    deleted: Literal[True] = True


class OrphanOut(WireOut):
    """Something of ours at a provider that no row knew; admins alone see the provider's id."""

    object: Literal["provider.orphan"] = "provider.orphan"
    id: str
    provider: str
    kind: str
    job_id: str | None
    outcome: str
    found_at: int


@router.get("/provider_blocks")
def list_blocks(session: RequestSession, _: Admin) -> ListOut[BlockOut]:
    """Every block in force, and since when."""
    data = [_block_out(block) for block in standing_blocks(session)]
    return ListOut[BlockOut](
        data=data, first_id=data[0].id if data else None, last_id=data[-1].id if data else None
    )


@router.delete("/provider_blocks/{provider}/{kind}")
def delete_block(provider: str, kind: BlockKind, session: RequestSession, _: Admin) -> BlockDeleted:
    """Say that a block is over, for example because the account may train again; waiting jobs are woken."""
    if not lift_block(session, provider, kind):
        raise NotFound(f"There is no block {kind.value!r} on {provider!r}.", param="kind")
    queue.wake_all(session, provider)
    return BlockDeleted(id=f"{provider}/{kind.value}")


@router.get("/provider_orphans")
def list_orphans(session: RequestSession, _: Admin) -> ListOut[OrphanOut]:
    """The latest thousand jobs and files found at providers that no row of ours knew, and what was done."""
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
