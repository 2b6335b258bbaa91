"""The SDK's client for one provider: no retries, no redirects, nothing from the environment."""

import httpx2
from openai import OpenAI

from service.providers.calls import bounded_client
from service.settings import ProviderSettings

_CONNECT_S = 10.0


def make_client(settings: ProviderSettings, key: str) -> OpenAI:
    """A client whose calls keep to the bounds of `service.providers.calls`."""
    timeout = httpx2.Timeout(settings.timeout_s, connect=min(settings.timeout_s, _CONNECT_S))
    client = OpenAI(
        api_key=key,
        base_url=settings.base_url,
        timeout=timeout,
        max_retries=0,
        http_client=bounded_client(timeout, settings.name),
    )
    # The SDK would take these from OPENAI_… variables that happen to be set for someone else.
    client.organization = client.project = client.webhook_secret = None
    # The SDK sends this key alone when asked for the organization's costs, and does not ask without it.
    client.admin_api_key = key
    return client
