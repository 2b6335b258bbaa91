"""The environment that the documents and examples assume: a running service and a team's key."""

import os
import sys
from pathlib import Path

import pytest

from tests.support.processes import Worker
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess

ROOT = Path(__file__).parents[2]


@pytest.fixture
def reader(service: Service, worker: Worker, trainer: TrainerProcess) -> dict[str, str]:
    """The environment of somebody who follows the documents."""
    team = service.make_team(budget_usd="50.00")
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TUNEHOUSE_URL": service.url,
        "TUNEHOUSE_ADMIN_KEY": service.admin_key,
        "OPENAI_BASE_URL": f"{service.url}/v1",
        "OPENAI_API_KEY": team.key,
        "TEAM": team.id,
        "PYTHONUNBUFFERED": "1",
    }
