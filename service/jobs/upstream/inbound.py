"""The provider calls us: a verified webhook wakes the job it names, and nothing more."""

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import insert

from service.core import clock, work
from service.core.db import transaction
from service.errors import InvalidRequest, NotFound, TunehouseError, Unavailable
from service.jobs.queries import job_of_provider
from service.jobs.tables import ProviderWebhook
from service.jobs.upstream.copying import ADVANCE
from service.providers.errors import Rejected
from service.providers.port import Provider, WebhookHint
from service.providers.registry import all_providers

router = APIRouter(tags=["operations"])


class Received(BaseModel):
    """The webhook was genuine; whether it told anything new is our business."""

    received: Literal[True] = True


@router.post("/webhooks/{provider}")
async def receive_webhook(provider: str, request: Request) -> Received:
    """Take a provider's webhook: its signature is checked over the raw body, then the job is looked at."""
    upstream = _provider(provider)
    try:
        hint = upstream.verify_webhook(await request.body(), request.headers)
    except Rejected as refused:
        raise _answer_for(refused) from refused
    await run_in_threadpool(_wake, upstream.name, hint)
    return Received()


def _provider(name: str) -> Provider:
    for provider in all_providers():
        if provider.name == name:
            return provider
    raise NotFound(f"There is no provider {name!r}.", param="provider")


def _answer_for(refused: Rejected) -> TunehouseError:
    """A misconfiguration of ours is not the sender's fault: it shall try again until the secret is set."""
    if refused.code == "webhook_not_configured":
        return Unavailable(refused.message)
    if refused.code == "webhook_malformed":
        return InvalidRequest(refused.message, code="malformed_webhook")
    return InvalidRequest(
        "The webhook's signature is not valid.", param="webhook-signature", code="invalid_signature"
    )


def _wake(provider: str, hint: WebhookHint) -> None:
    with transaction() as session:
        seen = insert(ProviderWebhook).values(
            provider=provider, webhook_id=hint.webhook_id, received_at=clock.now()
        )
        fresh = session.execute(
            seen.on_conflict_do_nothing().returning(ProviderWebhook.webhook_id)
        ).one_or_none()
        job = job_of_provider(session, provider, hint.provider_job_id) if fresh else None
        if job is not None and not job.has_ended:
            work.schedule(session, ADVANCE, job.id)
