"""Test your own code against a provider that fails: run `pytest examples/test_with_faults.py`.

The trainer imitates OpenAI's API on this machine and needs no key of a vendor. Its control API breaks the
requests that you describe; docs/guide/sandbox.md lists the faults.
"""

import os
import subprocess
from collections.abc import Iterator

import httpx2
import openai
import pytest

KEY = "ci"
QUESTION = [{"role": "user", "content": "Which tea is calming?"}]


class Provider:
    """A trainer of this test run."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=2)

    def control(self, method: str, path: str, body: object = None) -> dict:
        """Call the control API."""
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = httpx2.request(method, f"{self.url}/control/{path}", json=body, headers=headers)
        return answer.raise_for_status().json()

    def fail(self, **rule: object) -> None:
        """Spoil the requests that a rule describes."""
        self.control("POST", "faults", {"rules": [rule]})


@pytest.fixture(scope="session")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    folder = tmp_path_factory.mktemp("trainer")
    command = ["tunehouse", "trainer", "--control", "--port", "0", "--data-dir", str(folder)]
    environment = os.environ | {"TUNEHOUSE_TRAINER_API_KEY": KEY}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        # It prints "listening on http://127.0.0.1:…" once it does.
        yield Provider(process.stdout.readline().split()[-1])
        process.terminate()


@pytest.fixture
def provider(trainer: Provider) -> Iterator[Provider]:
    yield trainer
    trainer.control("POST", "reset")


def ask(provider: Provider, **fields: object):
    """Stand in for your own code: whatever calls a model."""
    return provider.client.chat.completions.create(model="sandbox-mini", messages=QUESTION, **fields)


def test_rate_limits_are_waited_out(provider: Provider) -> None:
    provider.fail(kind="status", path="/chat/completions", status=429, times=2, headers={"retry-after": "0"})
    assert ask(provider).choices[0].message.content
    assert provider.control("GET", "requests")["counts"]["POST /v1/chat/completions"] == 3


def test_a_lost_answer_does_not_create_a_job_twice(provider: Provider) -> None:
    with open("examples/data/tea-shop.jsonl", "rb") as examples:
        file = provider.client.files.create(file=examples, purpose="fine-tune")
    provider.fail(kind="drop_after", path="/fine_tuning/jobs$", method="POST")
    once = provider.client.with_options(max_retries=0)
    with pytest.raises(openai.APIConnectionError):
        once.fine_tuning.jobs.create(model="sandbox-mini", training_file=file.id, metadata={"run": "7"})
    # Look before sending it again: the job exists, although its answer was lost.
    assert len(once.fine_tuning.jobs.list(metadata={"run": "7"}).data) == 1


def test_a_stream_that_breaks_off_is_not_taken_for_complete(provider: Provider) -> None:
    provider.fail(kind="cut_stream", path="/chat/completions", chunks=2)
    reasons = []
    with pytest.raises(openai.APIError):
        reasons += [piece.choices[0].finish_reason for piece in ask(provider, stream=True)]
    assert "stop" not in reasons
