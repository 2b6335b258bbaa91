"""Azure OpenAI's habits, against a trainer that has them."""

import io
import json
from pathlib import Path

import pytest

from service.providers.kinds.prefixed import WithPrefix
from service.providers.openai_wire import OpenAIWire
from service.providers.registry import endpoint_of
from tests.providers.examples import CHAT, make_spec, start_job, upload
from tests.providers.raw_server import Answer, RawServer, provider_at
from tests.providers.test_trainer import finished

BOM = b"\xef\xbb\xbf"


def test_a_job_at_azure_runs_to_a_model_and_plain_results(azure: OpenAIWire) -> None:
    job = start_job(azure)
    assert job.status in ("validating_files", "queued", "running")

    done = finished(azure, job.id)

    assert done.fine_tuned_model
    assert b"validation_mean_token_accuracy" in azure.read_file(done.result_file_ids[0])
    assert azure.find_job(job.stamp or "") is not None


@pytest.mark.parametrize("content", [CHAT, BOM + CHAT], ids=["without", "with"])
def test_a_file_with_or_without_a_byte_order_mark_is_accepted(azure: OpenAIWire, content: bytes) -> None:
    assert azure.create_job(make_spec(upload(azure, content))).id


@pytest.mark.parametrize("given", [b"", b"a", b"hello\n" * 1000, BOM, BOM + b"hello"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 1000, -1])
def test_the_mark_stands_once_before_the_content_however_it_is_read(given: bytes, size: int) -> None:
    marked = WithPrefix(io.BytesIO(given), b"\xef\xbb\xbf")
    expected = BOM + given.removeprefix(BOM)

    assert marked.seek(0, io.SEEK_END) == len(expected)
    for _ in range(2):
        marked.seek(0)
        assert b"".join(iter(lambda: marked.read(size), b"")) == expected
        assert marked.tell() == len(expected)


def test_the_size_sent_is_that_of_mark_and_content(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n")
    with RawServer(lambda _: Answer(body={"id": "file-a"})) as server, path.open("rb") as content:
        server.provider(kind="azure").upload_file("a.jsonl", content)
        request = server.seen[0]

    assert int(request.headers["content-length"]) == len(request.body)
    assert BOM + b"{}\n" in request.body


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("support-bot", "support-bot"),
        ("release 1.2 für alle Kunden", "release-1-2-f-r-al"),
        ("客服", None),
        (None, None),
    ],
)
def test_a_suffix_is_made_to_fit(asked: str | None, sent: str | None) -> None:
    assert sent_body(suffix=asked).get("suffix") == sent


def test_the_training_type_of_the_settings_is_sent() -> None:
    assert "trainingType" not in sent_body()
    assert sent_body(training_type="GlobalStandard")["trainingType"] == "GlobalStandard"


def sent_body(suffix: str | None = None, **settings: str) -> dict[str, object]:
    """What a create sends to Azure."""
    with RawServer(lambda _: Answer(body={"id": "ftjob-1", "status": "pending"})) as server:
        job = server.provider(kind="azure", **settings).create_job(make_spec("file-a", suffix=suffix))
        assert job.status == "validating_files"
        body: dict[str, object] = json.loads(server.seen[0].body)
    return body


def test_azure_is_reached_with_a_bearer_key() -> None:
    endpoint = endpoint_of(provider_at("https://res.openai.azure.com/openai/v1/", kind="azure").settings)

    assert endpoint.base_url == "https://res.openai.azure.com/openai/v1"
    assert endpoint.headers["Authorization"].startswith("Bearer ")
