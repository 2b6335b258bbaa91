"""Models trained at one server and served by another of the same wire, as a vLLM beside a trainer."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.gateway.conftest import StartApi
from tests.gateway.rows import entries_of
from tests.jobs.story import run, upload, wait_for_end
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess

KEY = "a-key-of-the-serving-server-alone"
QUESTION = [{"role": "user", "content": "Question 3 about tea?"}]


@pytest.mark.usefixtures("worker")
def test_answers_come_from_the_serving_address_with_its_key_and_jobs_stay_at_the_trainer(
    service: Service,
    start_api: StartApi,
    trainer: TrainerProcess,
    tmp_path: Path,
    providers_environment: dict[str, str],
) -> None:
    team = service.make_team()
    tuned = str(run(team.sdk).fine_tuned_model)
    with serving(trainer, tmp_path / "server") as server:
        providers = json.loads(providers_environment["TUNEHOUSE_PROVIDERS"])
        elsewhere = {"inference_base_url": server.base_url, "inference_api_key": KEY}
        _, api = start_api(providers=json.dumps([one | elsewhere for one in providers]))
        trainer.control.forget_requests()
        server.control.forget_requests()

        sdk = api.sdk(team.key)
        answer = sdk.chat.completions.create(model=tuned, messages=QUESTION)  # type: ignore[arg-type]
        job = sdk.fine_tuning.jobs.create(model=tuned, training_file=upload(sdk).id)

        assert "tea is best warm" in str(answer.choices[0].message.content)
        assert {row.kind for row in entries_of(team.id) if row.subject_id == answer.id} == {
            "input_tokens",
            "output_tokens",
        }
        assert wait_for_end(sdk, job.id).status == "succeeded"
        assert server.control.requests() == {"POST /v1/chat/completions": 1}
        assert "POST /v1/chat/completions" not in trainer.control.requests()


@contextmanager
def serving(trainer: TrainerProcess, folder: Path) -> Iterator[TrainerProcess]:
    """Another server with its own key that serves copies of the trainer's models under the same names."""
    shutil.copytree(trainer.data_dir, folder)
    process = TrainerProcess(folder, api_key=KEY).start()
    yield process
    process.stop()
