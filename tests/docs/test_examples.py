"""The scripts in examples/ run against a real service."""

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from tests.support.service import Service
from trainer.faults.rules import Kind

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run(argv: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(argv, check=False, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_curl_example_ends_in_a_model(reader: dict[str, str]) -> None:
    assert "The job succeeded" in run([str(EXAMPLES / "first_job.sh")], reader)


def test_the_sdk_examples_tune_a_model_and_then_tune_that(reader: dict[str, str]) -> None:
    first = run([sys.executable, str(EXAMPLES / "first_job.py")], reader)
    second = run([sys.executable, str(EXAMPLES / "second_generation.py")], reader)

    assert "付款前先选挪威" in first
    assert "tuned_from" in second


def test_the_webhook_example_prints_the_event_it_was_sent(reader: dict[str, str], service: Service) -> None:
    argv = [sys.executable, str(EXAMPLES / "receive_webhooks.py")]
    with subprocess.Popen(argv, env=reader, stdout=subprocess.PIPE, text=True) as receiver:
        assert receiver.stdout is not None
        assert receiver.stdout.readline().startswith("waiting at")
        run([str(EXAMPLES / "first_job.sh")], reader)
        assert receiver.stdout.readline().startswith("fine_tuning.job.succeeded ftjob-")
        assert receiver.wait(20) == 0


def test_the_example_of_faults_passes(reader: dict[str, str]) -> None:
    example = str(EXAMPLES / "test_with_faults.py")
    assert "3 passed" in run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", example], reader
    )


def test_the_guide_lists_every_fault() -> None:
    page = (ROOT / "docs" / "guide" / "sandbox.md").read_text()
    assert [kind for kind in get_args(Kind) if f"| `{kind}` |" not in page] == []


@pytest.mark.parametrize("name", ["tea-shop", "tea-shop-validation", "tea-club"])
def test_the_datasets_hold_both_languages(name: str) -> None:
    lines = (EXAMPLES / "data" / f"{name}.jsonl").read_text().splitlines()
    questions = [json.loads(line)["messages"][1]["content"] for line in lines]
    chinese = sum(any("\u4e00" <= letter <= "\u9fff" for letter in question) for question in questions)

    assert len(set(questions)) == len(questions)
    assert chinese * 2 == len(questions)


def test_the_first_dataset_is_large_enough_to_be_useful() -> None:
    assert len((EXAMPLES / "data" / "tea-shop.jsonl").read_text().splitlines()) >= 60
