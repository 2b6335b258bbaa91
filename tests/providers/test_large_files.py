"""Files beyond a provider's limit for one request go there in parts."""

import io

import pytest

from service.providers import large_files
from service.providers.errors import OutcomeUnknown, Rejected, Retryable
from service.providers.kinds.azure import AzureWire
from service.providers.openai_wire import OpenAIWire
from tests.providers.examples import CHAT, new_stamp
from tests.support.trainer_process import TrainerProcess

PARTS = "/parts$"
COMPLETE = "/complete$"


@pytest.fixture
def in_parts(provider: OpenAIWire, monkeypatch: pytest.MonkeyPatch) -> OpenAIWire:
    """The provider, with whom everything is large."""
    monkeypatch.setattr(large_files, "PART_BYTES", 100)
    monkeypatch.setattr(provider.settings, "parts_above_bytes", len(CHAT) - 1)
    return provider


def names(provider: OpenAIWire) -> list[str]:
    return [file.filename for file in provider.iter_files()]


def test_a_large_file_arrives_whole(in_parts: OpenAIWire) -> None:
    file_id = in_parts.upload_file(f"{new_stamp()}.jsonl", io.BytesIO(CHAT))
    assert in_parts.read_file(file_id) == CHAT


def test_one_at_the_limit_goes_in_one_request(in_parts: OpenAIWire, upstream: TrainerProcess) -> None:
    upstream.control.fault("status", path="/v1/uploads$", method="POST", status=400)
    assert in_parts.upload_file("small.jsonl", io.BytesIO(CHAT[:-1]))
    with pytest.raises(Rejected):
        in_parts.upload_file("large.jsonl", io.BytesIO(CHAT))


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_part_that_is_lost_makes_no_file_and_can_be_sent_again(
    in_parts: OpenAIWire, upstream: TrainerProcess, kind: str
) -> None:
    name = f"{new_stamp()}.jsonl"
    upstream.control.fault(kind, path=PARTS, method="POST")
    with pytest.raises(Retryable):
        in_parts.upload_file(name, io.BytesIO(CHAT))
    assert names(in_parts).count(name) == 0
    in_parts.upload_file(name, io.BytesIO(CHAT))
    assert names(in_parts).count(name) == 1


def test_a_completion_whose_answer_is_lost_is_found_by_its_name(
    in_parts: OpenAIWire, upstream: TrainerProcess
) -> None:
    name = f"{new_stamp()}.jsonl"
    upstream.control.fault("drop_after", path=COMPLETE, method="POST")
    with pytest.raises(OutcomeUnknown):
        in_parts.upload_file(name, io.BytesIO(CHAT))
    assert in_parts.find_file(name)


def test_azure_which_refuses_files_without_a_mark_takes_parts(
    azure: AzureWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_files, "PART_BYTES", 100)
    monkeypatch.setattr(azure.settings, "parts_above_bytes", 1)
    assert azure.read_file(azure.upload_file("marked.jsonl", io.BytesIO(CHAT))) == CHAT
