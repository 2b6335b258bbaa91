"""The configured providers, each with one client (and its connections) per process."""

from functools import cache

from service.providers.azure import AzureWire
from service.providers.errors import NotConfigured
from service.providers.openai_wire import OpenAIWire
from service.providers.port import Provider
from service.settings import ProviderSettings, settings

_KINDS: dict[str, type[OpenAIWire]] = {"openai": OpenAIWire, "trainer": OpenAIWire, "azure": AzureWire}


def get_provider(name: str) -> Provider:
    """The provider of that name; its client is shared by all threads. Raises `NotConfigured`."""
    return _open(provider_settings(name).name)


def provider_settings(name: str) -> ProviderSettings:
    """How the provider of that name is configured. Raises `NotConfigured`."""
    for one in settings().providers:
        if one.name == name:
            return one
    raise NotConfigured(f"No provider named {name!r} is configured.", code="provider_not_configured")


def all_providers() -> list[Provider]:
    """Every configured provider, in the order of the settings."""
    return [_open(one.name) for one in settings().providers]


def open_provider(one: ProviderSettings) -> Provider:
    """A provider from these settings, with a client of its own."""
    return _KINDS[one.kind](one)


@cache
def _open(name: str) -> Provider:
    return open_provider(provider_settings(name))
