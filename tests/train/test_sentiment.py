"""The example `examples/sentiment` through Tunehouse: api, worker and a trainer that really trains."""

from __future__ import annotations

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import pytest

from examples.sentiment.run import run
from tests.conftest import WEBHOOK_SECRET
from tests.support.processes import Worker
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until
from tests.train.steps import PATIENCE_S

EXAMPLE = Path(__file__).parents[2] / "examples" / "sentiment"


@pytest.fixture(scope="session", autouse=True)
def catalog() -> Iterator[None]:
    """Tunehouse knows the example's base and its price."""
    with patch.dict(os.environ, {"TUNEHOUSE_CATALOG_FILE": str(EXAMPLE / "catalog.toml")}):
        yield


@pytest.fixture(scope="session")
def trainer_process(folder: Path, api_port: int, bases: list[str]) -> Iterator[TrainerProcess]:
    """The provider: one trainer on this machine."""
    process = TrainerProcess(
        folder / "trainer",
        engine="transformers",
        bases=bases,
        webhook_url=f"http://127.0.0.1:{api_port}/webhooks/trainer",
        webhook_secret=WEBHOOK_SECRET,
    ).start()
    yield process
    process.stop()


def test_raw_reviews_become_a_classifier_that_a_team_uses(service: Service, worker: Worker) -> None:
    team = service.make_team()
    figures = run(team.sdk, "minilm", lambda is_done: wait_until(is_done, PATIENCE_S, 0.2))
    assert sum(figures.examples) > 200
    assert figures.before <= 0.65
    assert figures.after >= 0.9
    assert figures.macro_f1 >= 0.9
    assert len(figures.by_epoch) >= 3
    seconds = figures.job["tunehouse"]["training_seconds"]
    (hours,) = (row for row in figures.costs if row["kind"] == "training_hours")
    assert abs(float(hours["quantity"]) * 3600 - seconds) < 0.01
    assert 0 < float(hours["quantity"]) <= float(figures.estimate["training_hours"])
    assert Decimal(hours["amount_usd"]) == Decimal(hours["quantity"]) * Decimal("0.80")
    assert {row["kind"] for row in figures.costs} == {"training_hours", "input_tokens", "output_tokens"}
    # The estimate went by the base's own tokenizer, and so did the training.
    assert figures.tokens[0] != figures.tokens[1]
    assert figures.estimate["trained_tokens"] == 6 * figures.tokens[0]
    assert figures.job["trained_tokens"] == len(figures.by_epoch) * figures.tokens[0]
    assert figures.model in str(figures.lineage)
    known = figures.job["tunehouse"]["base_identity"]
    assert len(known["sha256"]) == 64
    assert [node["base_identity"] for node in figures.lineage["nodes"] if node["kind"] == "job"] == [known]
