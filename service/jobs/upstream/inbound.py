"""Receive a provider's webhook: verify it, then wake the job that it names. Its other data is ignored."""

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.dialects.postgresql import insert

from service.core import clock, work
from service.core.db import transaction
from service.core.http.wire import WireOut
from service.errors import InvalidRequest, NotFound, TunehouseError, Unavailable
from service.jobs.kinds import ADVANCE_JOB
from service.jobs.queries import job_of_provider
from service.jobs.tables import ProviderWebhook
from service.providers.errors import Rejected
from service.providers.port import Provider, WebhookHint
from service.providers.registry import all_providers

router = APIRouter(tags=["operations"])


class WebhookReceived(WireOut):
    """The response to a genuine webhook, whether or not it was received before."""

    received: Literal[True] = True
    """Always true."""


@router.post("/webhooks/{provider}")
async def receive_webhook(provider: str, request: Request) -> WebhookReceived:
    """Receive a provider's webhook; its signature must match the raw body."""
    upstream = _provider(provider)
    try:
        hint = upstream.verify_webhook(await request.body(), request.headers)
    except Rejected as refused:
        raise _answer_for(refused) from refused
    await run_in_threadpool(_wake, upstream.name, hint)
    return WebhookReceived()


def _provider(name: str) -> Provider:
    for provider in all_providers():
        if provider.name == name:
            return provider
    raise NotFound(f"There is no provider {name!r}.", param="provider")


def _answer_for(refused: Rejected) -> TunehouseError:
    """Return the error for the sender: 503 while no secret is configured, so that the provider retries."""
    if refused.code == "webhook_not_configured":
        return Unavailable(refused.message)
    if refused.code == "webhook_malformed":
        return InvalidRequest(refused.message, code="malformed_webhook")
    return InvalidRequest(
        "The webhook's signature is not valid. Check that the provider and Tunehouse use the same secret.",
        param="webhook-signature",
        code="invalid_signature",
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
            work.schedule(session, ADVANCE_JOB, job.id, team_id=job.team_id)
