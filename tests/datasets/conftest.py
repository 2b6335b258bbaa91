"""A team that sends files."""

import pytest

from tests.support.processes import Worker
from tests.support.service import Service, TeamHandle


@pytest.fixture
def team(service: Service, worker: Worker) -> TeamHandle:
    """A team with a key of every scope, and a worker that is through with its files when the test ends."""
    return service.make_team()
