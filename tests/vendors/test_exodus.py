"""Three generations move from the OpenAI-like server to vendors with rules of their own."""

import json
import os
from collections.abc import Callable, Iterator

import pytest

from service.core.db import transaction
from service.files.queries import find_content, report_of, stream
from service.files.tables import File
from service.models.lineage.queries import lineage
from service.settings import settings
from tests.fakes.nebius import NebiusFake
from tests.fakes.server import KEY
from tests.fakes.together import BASE as TOGETHER
from tests.fakes.together import TogetherFake
from tests.jobs import hands
from tests.model_migrations.story import (
    finish,
    held,
    look,
    make_models,
    migrate,
    model,
    plan,
    set_alias,
    start,
    statuses,
    target_of,
)
from tests.models import hosting
from tests.support.catalogue import forget_catalogue
from tests.support.trainer_process import CALL_TIMEOUT_S, TrainerProcess
from tests.support.waiting import wait_until

NEBIUS = "meta-llama/Llama-3.1-8B-Instruct"
OLD_BASE = "gpt-4.1-mini-2025-04-14"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainerProcess]:
    """The server that the team leaves."""
    process = TrainerProcess(tmp_path_factory.mktemp("old"), bases=[OLD_BASE], step_ms=1).start()
    yield process
    process.stop()


@pytest.fixture
def leave(
    old: TrainerProcess, database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, NebiusFake | TogetherFake], None]]:
    """Configure the old server as "openai", and a vendor under the name of its kind."""

    def configure(kind: str, fake: NebiusFake | TogetherFake) -> None:
        before: dict[str, object] = {
            "name": "openai",
            "kind": "openai",
            "base_url": old.base_url,
            "api_key": old.api_key,
        }
        before |= {"timeout_s": CALL_TIMEOUT_S}
        there = {"name": kind, "kind": kind, "base_url": fake.base_url, "api_key": KEY} | fake.more_settings
        there |= {"timeout_s": CALL_TIMEOUT_S}
        monkeypatch.setitem(os.environ, "TUNEHOUSE_PROVIDERS", json.dumps([before, there]))
        settings.cache_clear()
        forget_catalogue()

    yield configure
    monkeypatch.undo()
    settings.cache_clear()
    forget_catalogue()


def test_nebius_gets_the_data_of_all_generations_and_a_worse_model_switches_nothing(
    leave: Callable[[str, NebiusFake | TogetherFake], None],
) -> None:
    fake = NebiusFake()
    leave("nebius", fake)
    team = hands.make_team()
    models = make_models(team, None, 0, 1)
    set_alias(team, "support", models[2])
    accept = {"grader": "string_similarity", "margin": 0.0, "max_prompts": 4}
    planned = plan(team, alias="support", to={"provider": "nebius", "base": NEBIUS}, accept=accept)
    (step,) = planned.plan.steps
    assert (step.model, step.problem, len(step.training_data)) == (models[2], None, 3)
    assert "3 generations" in " ".join(step.notes)

    begun = start(team, planned)

    def waits() -> str | None:
        hands.make_due()
        hands.run_due()
        return look(team, begun).steps[0].reason

    assert "not deployed" in str(wait_until(waits))
    new = str(look(team, begun).steps[0].produced)
    assert (model(new).migrated_from, model(new).parent_id, target_of(team, "support")) == (
        models[2],
        None,
        models[2],
    )
    with transaction() as session:
        merged = session.get_one(File, model(new).training_file)
        parts = [session.get_one(File, one.file_id) for one in step.training_data]
        assert report_of(merged).examples == sum(report_of(part).examples for part in parts)
        contents = [find_content(session, one) for one in (*parts, merged)]
        *texts, whole = [b"".join(stream(one)) for one in contents if one is not None]
        edges = lineage(session, model(new), "ancestors", 10, 10).edges
    assert whole.splitlines() == [line for text in texts for line in text.splitlines()]
    assert {edge.source for edge in edges if edge.role == "derived_from"} == {
        f"sha256:{one.sha256}" for one in step.training_data
    }

    deployment = hosting.order(team, new)
    hosting.until(deployment, "ready")
    done = finish(team, begun)
    assert statuses(done) == {models[2]: "worse"}, done.steps
    assert (done.status, target_of(team, "support")) == ("completed", models[2])
    fake.close()


def test_together_gets_one_job_for_each_generation_without_what_it_does_not_take(
    leave: Callable[[str, NebiusFake | TogetherFake], None],
) -> None:
    fake = TogetherFake()
    leave("together", fake)
    team = hands.make_team()
    models = make_models(team, None, 0, 1)
    to = {"provider": "together", "base": TOGETHER}
    planned = plan(team, models=[models[2]], to=to)
    notes = " ".join(note for step in planned.plan.steps for note in step.notes)
    assert "validation_file is left out" in notes
    done = migrate(team, models=[models[2]], to=to)
    assert statuses(done) == dict.fromkeys(models, "made"), done.steps
    new = [str(step.produced) for step in done.steps]
    assert [model(name).parent_id for name in new] == [None, new[0], new[1]]
    assert [model(name).migrated_from for name in new] == models
    assert held(team) == 0
    fake.close()
