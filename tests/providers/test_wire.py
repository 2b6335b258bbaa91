"""What goes over the wire, and how lists from less careful upstreams are walked."""

import base64
import io
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from service.providers.errors import OutcomeUnknown, Rejected
from service.providers.registry import endpoint_of
from service.providers.results import MAX_RESULT_BYTES
from tests.providers.raw_server import KEY, Answer, RawServer, Seen, error_body, provider_at
from tests.providers.test_failures import SPEC

START = 1_700_000_000
JOBS = [
    {
        "id": f"ftjob-{number}",
        "status": "running",
        "created_at": START + number * 3600,
        "metadata": {"tunehouse_job": f"ours-{number}"},
    }
    for number in range(500, 0, -1)
]


def serve_jobs(request: Seen, *, has_more: bool = True) -> Answer:
    """A list that honours `after` but knows no metadata filter."""
    asked = parse_qs(urlsplit(request.path).query)
    ids = [job["id"] for job in JOBS]
    start = ids.index(asked["after"][0]) + 1 if "after" in asked else 0
    data = JOBS[start : start + 100]
    return Answer(body={"object": "list", "data": data, "has_more": has_more and bool(data)})


def test_a_job_is_found_at_an_upstream_that_ignores_the_filter() -> None:
    with RawServer(serve_jobs) as server:
        found = server.provider().find_job("ours-3")

    assert found is not None
    assert found.id == "ftjob-3"


def test_looking_for_a_job_ends_at_the_moment_of_its_intent() -> None:
    since = datetime.fromtimestamp(START + 450 * 3600, UTC)
    with RawServer(serve_jobs) as server:
        found = server.provider().find_job("ours-3", since)

        assert found is None
        assert len(server.seen) == 1


def test_a_job_is_found_at_an_upstream_that_refuses_the_filter() -> None:
    def refuse(request: Seen) -> Answer:
        return (
            Answer(400, error_body("Unknown parameter"))
            if "metadata" in request.path
            else serve_jobs(request)
        )

    with RawServer(refuse) as server:
        found = server.provider().find_job("ours-499")

    assert found is not None


def test_of_two_jobs_with_one_stamp_the_older_is_ours() -> None:
    twins = [
        {"id": f"ftjob-{at}", "status": "queued", "created_at": at, "metadata": {"tunehouse_job": "s"}}
        for at in (20, 10)
    ]
    with RawServer(lambda _: Answer(body={"data": twins, "has_more": False})) as server:
        found = server.provider().find_job("s")

    assert found is not None
    assert found.id == "ftjob-10"


def test_a_list_that_repeats_itself_is_left() -> None:
    with RawServer(lambda _: Answer(body={"data": JOBS[:100]})) as server:
        assert server.provider().find_job("ours-1") is None
        assert len(server.seen) == 2


def test_a_list_without_end_proves_nothing() -> None:
    numbers = iter(range(10**6))

    def endless(_: Seen) -> Answer:
        return Answer(
            body={"data": [{"id": f"ftjob-{next(numbers)}", "status": "running", "created_at": START}]}
        )

    with RawServer(endless) as server, pytest.raises(OutcomeUnknown):
        server.provider().find_job("ours-1")


def test_a_create_carries_the_stamp_and_no_more_than_was_asked() -> None:
    with RawServer(lambda _: Answer(body={"id": "ftjob-1", "status": "queued"})) as server:
        server.provider().create_job(SPEC)
        request = server.seen[0]

    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["x-client-request-id"] == "ftjob-ours"
    for absent in (b"suffix", b"seed", b"validation_file", b"integrations", b'hyperparameters":null'):
        assert absent not in request.body


def test_the_environments_openai_variables_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, "http://elsewhere.invalid")
    with RawServer(lambda _: Answer(body={"data": []})) as server:
        server.provider().list_models()
        headers = server.seen[0].headers

    assert headers["authorization"] == f"Bearer {KEY}"
    assert not {"openai-organization", "openai-project"} & set(headers)


def test_a_file_of_the_name_is_found_unless_it_is_broken() -> None:
    files = [
        {"id": "file-broken", "filename": "a.jsonl", "status": "error"},
        {"id": "file-new", "filename": "a.jsonl", "status": "processed"},
        {"id": "file-old", "filename": "a.jsonl", "status": "processed"},
    ]
    with RawServer(lambda _: Answer(body={"data": files, "has_more": False})) as server:
        provider = server.provider()

        assert provider.find_file("a.jsonl") == "file-new"
        assert provider.find_file("b.jsonl") is None


def test_an_upload_is_streamed(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    path.write_bytes(b"x" * 64 * 2**20)
    with RawServer(lambda _: Answer(413, error_body("too large")), keep_bodies=False) as server:
        provider = server.provider()
        tracemalloc.start()
        with path.open("rb") as content, pytest.raises(Rejected):
            provider.upload_file("big.jsonl", content)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 16 * 2**20


def test_a_result_in_base64_is_read_as_csv() -> None:
    with RawServer(lambda _: Answer(body=base64.b64encode(b"step,train_loss\n1,0.5\n"))) as server:
        assert server.provider().read_file("file-r") == b"step,train_loss\n1,0.5\n"


def test_a_result_beyond_the_bound_is_refused() -> None:
    endless = b"1,2\n" * (MAX_RESULT_BYTES // 2)
    with RawServer(lambda _: Answer(body=endless)) as server, pytest.raises(Rejected) as raised:
        server.provider().read_file("file-r")

    assert raised.value.code == "result_too_large"


def test_the_endpoint_hides_its_key_when_shown() -> None:
    endpoint = endpoint_of(provider_at("https://api.openai.com/v1/").settings)

    assert endpoint.base_url == "https://api.openai.com/v1"
    assert endpoint.headers == {"Authorization": f"Bearer {KEY}"}
    assert KEY not in repr(endpoint)


def test_an_upload_answers_with_the_files_id() -> None:
    with RawServer(lambda _: Answer(body={"id": "file-theirs"})) as server:
        assert server.provider().upload_file("a.jsonl", io.BytesIO(b"{}\n")) == "file-theirs"
        assert b'filename="a.jsonl"' in server.seen[0].body
        assert b"{}\n" in server.seen[0].body
