"""A team that sends files."""

import pytest

from service.core.db import transaction
from service.teams.actions import create_team
from tests.support.processes import Worker
from tests.support.service import Service, TeamHandle


@pytest.fixture
def team(service: Service, worker: Worker) -> TeamHandle:
    """A team with a key of every scope, and a worker that is through with its files when the test ends."""
    return service.make_team()


@pytest.fixture
def team_id(database: str) -> str:
    """A team in a database that no worker process looks at."""
    with transaction() as session:
        return create_team(session, name="Team", slug="team", labels={}).id
