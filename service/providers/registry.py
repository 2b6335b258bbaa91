"""The configured providers, each with one client (and its connections) per process.

The SDK, which takes 20 MB, is loaded with the first client. Processes that only send inference requests do
without it.
"""

import threading
from collections.abc import Callable

from service.providers.errors import NotConfigured
from service.providers.kinds.capabilities import Capabilities, capabilities_of
from service.providers.port import Endpoint, Provider
from service.settings import ProviderSettings, settings
from service.settings.providers import ProviderKind

_opened: dict[str, Provider] = {}
_lock = threading.Lock()


def get_provider(name: str) -> Provider:
    """The provider of that name; its client is shared by all threads. Raises `NotConfigured`."""
    return _shared(provider_settings(name))


def provider_settings(name: str) -> ProviderSettings:
    """How the provider of that name is configured. Raises `NotConfigured`."""
    for one in settings().providers:
        if one.name == name:
            return one.current()
    raise NotConfigured(f"No provider named {name!r} is configured.", code="provider_not_configured")


def is_configured(name: str) -> bool:
    """Whether the settings have a provider of that name."""
    return any(one.name == name for one in settings().providers)


def all_providers() -> list[Provider]:
    """Every configured provider, in the order of the settings."""
    return [_shared(one.current()) for one in settings().providers]


def providers_that(can: Callable[[Capabilities], bool]) -> str:
    """The names of the configured providers with a capability, for an error message."""
    found = [one.name for one in settings().providers if can(capabilities_of(one.kind))]
    return ", ".join(found) or "none of those configured"


def endpoint_of(one: ProviderSettings) -> Endpoint:
    """The URL and headers for inference requests to a provider with these settings."""
    return Endpoint(
        base_url=one.serving_url.rstrip("/"),
        headers={"Authorization": f"Bearer {one.serving_key}"},
        timeout_s=one.timeout_s,
    )


def open_provider(one: ProviderSettings) -> Provider:
    """A provider from these settings, with a client of its own, which the caller closes."""
    from service.providers.kinds.azure import AzureWire
    from service.providers.kinds.bedrock.provider import BedrockProvider
    from service.providers.kinds.compatible import CompatibleWire
    from service.providers.kinds.fireworks.provider import FireworksProvider
    from service.providers.kinds.nebius import NebiusWire
    from service.providers.kinds.together.provider import TogetherProvider
    from service.providers.openai_wire import OpenAIWire

    kinds: dict[ProviderKind, Callable[[ProviderSettings], Provider]] = {
        "openai": OpenAIWire,
        "trainer": OpenAIWire,
        "azure": AzureWire,
        "openai_compatible": CompatibleWire,
        "nebius": NebiusWire,
        "together": TogetherProvider,
        "fireworks": FireworksProvider,
        "bedrock": BedrockProvider,
    }
    return kinds[one.kind](one)


def _shared(one: ProviderSettings) -> Provider:
    with _lock:
        known = _opened.get(one.name)
        if known is None or known.settings != one:
            # Not closed here: another thread may be in a call on it, and its last user closes it.
            known = _opened[one.name] = open_provider(one)
        return known
