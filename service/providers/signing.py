"""A provider's webhooks: Standard Webhooks signatures, checked by the SDK, and a body that is only a hint."""

from collections.abc import Mapping

from openai import OpenAI

from service.providers.answers import Garbage, read_object
from service.providers.errors import Rejected
from service.providers.port import WebhookHint


def verify(client: OpenAI, secret: str | None, body: bytes, headers: Mapping[str, str]) -> WebhookHint:
    """What a genuine webhook hints at. Raises `Rejected`: `webhook_not_configured`, `webhook_not_genuine`
    (signature, or a timestamp off by more than 300 s) or `webhook_malformed`.
    """
    if not secret:
        raise Rejected("No webhook secret is set for this provider.", code="webhook_not_configured")
    try:
        client.webhooks.verify_signature(body, dict(headers), secret=secret)
    except (ValueError, TypeError):
        # Besides its own error the SDK lets through those of odd headers: no UTF-8, no ASCII, no number.
        raise Rejected("The webhook's signature is not valid.", code="webhook_not_genuine") from None
    lowered = {name.lower(): value for name, value in headers.items()}
    try:
        event = read_object(body)
    except Garbage as garbage:
        raise Rejected(str(garbage), code="webhook_malformed") from None
    data = event.get("data")
    about = data.get("id") if isinstance(data, dict) else None
    kind = event.get("type")
    if not isinstance(about, str) or not isinstance(kind, str):
        raise Rejected("The webhook names no type and object.", code="webhook_malformed")
    return WebhookHint(webhook_id=lowered["webhook-id"], type=kind, provider_job_id=about)
