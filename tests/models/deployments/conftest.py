"""An imitation of Fireworks as the only provider."""

import json
import os
from collections.abc import Iterator
from datetime import timedelta

import pytest

from service.models.deployments.actions import Guard
from service.settings import settings
from tests.fakes.fireworks import FireworksFake
from tests.fakes.server import KEY
from tests.models.hosting import PROVIDER
from tests.support.trainer_process import CALL_TIMEOUT_S

HOUR = timedelta(hours=1)
UNDEPLOY = Guard(idle_after_hours=2, on_idle="undeploy", on_budget_end="undeploy", wake_on_request=True)


@pytest.fixture(scope="module")
def server() -> Iterator[FireworksFake]:
    """An imitation of Fireworks."""
    fake = FireworksFake()
    yield fake
    fake.close()


@pytest.fixture
def fireworks(
    server: FireworksFake, database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FireworksFake]:
    """That server as the only provider."""
    provider = {"name": PROVIDER, "kind": "fireworks", "base_url": server.base_url, "api_key": KEY}
    provider |= {"timeout_s": CALL_TIMEOUT_S} | server.more_settings
    monkeypatch.setitem(os.environ, "TUNEHOUSE_PROVIDERS", json.dumps([provider]))
    settings.cache_clear()
    yield server
    monkeypatch.undo()
    settings.cache_clear()
    server.faults.clear()
    server.machines.clear()
    server.loaded.clear()
    server.seen.clear()
