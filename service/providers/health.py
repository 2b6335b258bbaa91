"""Check whether the providers answer; each process asks at most every 15 s and caches the result."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from service.core.clock import now
from service.providers.errors import KeyRefused, ProviderError, Throttled
from service.providers.port import Provider
from service.providers.registry import all_providers, open_provider, provider_settings

_FRESH = timedelta(seconds=15)
_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class ProviderHealth:
    """The result of a check; `problem` is None, `key_refused`, `unreachable` or `failing`."""

    name: str
    kind: str
    problem: str | None
    checked_at: datetime


class _HealthProbe:
    """A client with a short timeout, and the last result."""

    def __init__(self, name: str) -> None:
        settings = provider_settings(name)
        timeout_s = min(settings.timeout_s, _TIMEOUT_S)
        self._provider = open_provider(settings.model_copy(update={"timeout_s": timeout_s}))
        self._lock = threading.Lock()
        self._last: ProviderHealth | None = None

    def check(self) -> ProviderHealth:
        """Return the last result, or a new one if it is stale; one thread asks while the others wait."""
        with self._lock:
            if self._last is None or now() - self._last.checked_at > _FRESH:
                self._last = look_at(self._provider)
            return self._last


def look_at(provider: Provider) -> ProviderHealth:
    """List the provider's models, which is free. A provider that throttles is healthy."""
    problem = None
    try:
        provider.list_models()
    except Throttled:
        pass
    except KeyRefused:
        problem = "key_refused"
    except ProviderError as failure:
        no_answer = failure.status is None and failure.code != "malformed_answer"
        problem = "unreachable" if no_answer else "failing"
    return ProviderHealth(provider.name, provider.kind, problem, now())


def check_all() -> Sequence[ProviderHealth]:
    """Check all configured providers in parallel; results are in the order of the settings."""
    names = [provider.name for provider in all_providers()]
    if not names:
        return []
    with ThreadPoolExecutor(len(names), thread_name_prefix="provider-health") as pool:
        return list(pool.map(lambda name: _probe(name).check(), names))


@cache
def _probe(name: str) -> _HealthProbe:
    return _HealthProbe(name)
