"""The api in the process of the tests."""

import threading
from collections.abc import Iterator

import pytest
import uvicorn

from service.app import create_app
from tests.support.waiting import wait_until


@pytest.fixture
def url(providers_environment: dict[str, str], database: str) -> Iterator[str]:
    """The api in this process, so that what it does can be counted."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(), port=0, log_config=None, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
