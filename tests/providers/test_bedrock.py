"""Bedrock: what becomes of a dataset, and what a wrong key, a taken name and a lost file look like."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from service.providers.errors import KeyRefused, Rejected
from service.providers.kinds.bedrock.datasets import convert
from service.providers.kinds.bedrock.provider import BedrockProvider
from service.providers.port import ProviderJobSpec
from service.settings import ProviderSettings
from tests.fakes.bedrock import AWS_KEY, BASE, BedrockFake
from tests.support.data import chat_file


@pytest.fixture(scope="module")
def fake() -> Iterator[BedrockFake]:
    """An imitation of Bedrock and S3."""
    server = BedrockFake()
    yield server
    server.close()


def provider(fake: BedrockFake, key: str = AWS_KEY) -> BedrockProvider:
    given = {"name": "aws", "kind": "bedrock", "base_url": fake.base_url, "api_key": key}
    return BedrockProvider(ProviderSettings.model_validate(given | fake.more_settings))


def spec(file_id: str) -> ProviderJobSpec:
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    return ProviderJobSpec(BASE, file_id, None, method, None, None, "ftjob-" + "o" * 24)


def converted(*examples: dict[str, Any]) -> list[dict[str, Any]]:
    target = io.BytesIO()
    convert([json.dumps(one).encode() for one in examples], target)
    return [json.loads(line) for line in target.getvalue().splitlines()]


def test_a_chat_example_becomes_a_conversation() -> None:
    said = [("system", "Be brief."), ("user", "Tea?"), ("assistant", "Yes.")]
    (example,) = converted({"messages": [{"role": role, "content": text} for role, text in said]})
    assert example == {
        "schemaVersion": "bedrock-conversation-2024",
        "system": [{"text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"text": "Tea?"}]},
            {"role": "assistant", "content": [{"text": "Yes."}]},
        ],
    }


@pytest.mark.parametrize(
    ("example", "named"),
    [
        ({"messages": [], "tools": []}, "'tools'"),
        ({"messages": [{"role": "tool", "content": "12"}]}, "messages of tools"),
        ({"messages": [{"role": "assistant", "content": "Yes.", "weight": 0}]}, "'weight'"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "other than text"),
    ],
)
def test_what_the_schema_has_no_room_for_is_refused(example: dict[str, Any], named: str) -> None:
    with pytest.raises(Rejected, match=f"Example 1 has.*{named}"):
        converted(example)


@pytest.mark.parametrize("key", ["AKIAOTHER:secret/of+the/tests", "AKIATESTS:another-secret"])
def test_a_key_that_aws_does_not_know_is_refused_and_not_shown(fake: BedrockFake, key: str) -> None:
    with pytest.raises(KeyRefused) as refused:
        provider(fake, key).list_models()
    assert "secret" not in refused.value.message


def test_a_create_that_is_repeated_finds_its_job(fake: BedrockFake) -> None:
    there = provider(fake)
    file_id = there.upload_file("tea.jsonl", io.BytesIO(chat_file()))
    assert there.find_file("tea.jsonl") == file_id
    assert there.create_job(spec(file_id)).id == there.create_job(spec(file_id)).id
    assert len(fake.made_for("ftjob-" + "o" * 24)) == 1
    there.delete_file(file_id)
    assert there.find_file("tea.jsonl") is None
