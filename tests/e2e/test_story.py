"""The walkthrough of `tunehouse demo`, as a command and against the processes under test."""

import io
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from sqlalchemy import func, select

from service.cli.demo.receiver import receiving
from service.cli.demo.screen import Screen
from service.cli.demo.story import run_story
from service.core.db import transaction
from service.ledger.tables import Entry
from tests.support.processes import Worker
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess


def test_the_story_holds_from_beginning_to_end(
    service: Service, worker: Worker, trainer: TrainerProcess
) -> None:
    shown = io.StringIO()
    with receiving() as receiver:
        run_story(service.url, service.admin_key, receiver, Screen(Console(file=shown, width=160)))

    with transaction() as session:
        charged = session.scalar(select(func.sum(Entry.amount_usd)))
    total = Decimal(service.admin.get("/v1/costs?group_by=team,kind,model").json()["total_usd"])
    assert total == charged
    assert shown.getvalue().count("✓") > 20


def test_the_demo_command_tells_it_and_leaves_nothing_behind(tmp_path: Path) -> None:
    # The shell's settings must not matter: the demo must never run against a real database.
    nowhere = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
    env = os.environ | {"TMPDIR": str(tmp_path), "TUNEHOUSE_DATABASE_URL": nowhere}
    argv = [sys.executable, "-m", "service.cli", "demo"]

    done = subprocess.run(argv, check=False, env=env, capture_output=True, text=True, timeout=150)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "All checks passed" in done.stdout
    assert list(tmp_path.glob("tunehouse-demo-*")) == []
