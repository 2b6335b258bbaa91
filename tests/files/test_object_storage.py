"""Contents in a bucket, against moto's S3 server over HTTP."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from moto.server import ThreadedMotoServer

from service.core import storage
from service.core.object_storage import ObjectStorage
from service.errors import StorageUnavailable
from service.settings import settings
from tests.dataset.examples import chats, jsonl
from tests.jobs import hands
from tests.support.processes import Api
from tests.support.service import Service

BUCKET = "tunehouse-tests"


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    httpx2.put(f"{url}/{BUCKET}", trust_env=False).raise_for_status()
    yield url
    server.stop()


@pytest.fixture
def s3_environment(bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    env = {
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": bucket,
        "AWS_ALLOW_HTTP": "true",
        "NO_PROXY": "127.0.0.1",
        "TUNEHOUSE_STORAGE_URL": f"s3://{BUCKET}/some/prefix",
    }
    with monkeypatch.context() as patched:
        for name, value in env.items():
            patched.setenv(name, value)
        settings.cache_clear()
        storage.storage.cache_clear()
        yield env
    settings.cache_clear()
    storage.storage.cache_clear()


def keys_in(bucket: str) -> int:
    """How many objects there are."""
    return httpx2.get(f"{bucket}/{BUCKET}?list-type=2", trust_env=False).text.count("<Key>")


def test_the_storage_url_names_a_bucket(s3_environment: dict[str, str]) -> None:
    assert isinstance(storage.storage(), ObjectStorage)


@pytest.mark.parametrize("size", [0, 1000, 20 * 2**20])
def test_what_was_written_is_read_back_and_deleted(s3_environment: dict[str, str], size: int) -> None:
    place = storage.storage()
    data = os.urandom(1000) * (size // 1000)
    writer = place.create("obj_1")
    for start in range(0, len(data), 2**20):
        writer.write(data[start : start + 2**20])
    writer.close()
    writer.abort()
    chunks = list(place.read("obj_1"))
    assert b"".join(chunks) == data
    assert max(map(len, chunks), default=0) <= 2**20
    place.delete("obj_1")
    place.delete("obj_1")
    with pytest.raises(FileNotFoundError):
        list(place.read("obj_1"))


def test_what_was_not_finished_is_never_seen(s3_environment: dict[str, str], bucket: str) -> None:
    before = keys_in(bucket)
    writer = storage.storage().create("obj_2")
    writer.write(bytes(20 * 2**20))
    writer.abort()
    assert keys_in(bucket) == before


def test_a_file_lives_and_dies_in_a_bucket(
    s3_environment: dict[str, str], database: str, environment: dict[str, str], bucket: str, folder: Path
) -> None:
    broker = environment["TUNEHOUSE_REDIS_URL"].removesuffix("/0") + "/2"
    env = environment | s3_environment | {"TUNEHOUSE_DATABASE_URL": database, "TUNEHOUSE_REDIS_URL": broker}
    api = Api(env, folder)
    api.start()
    try:
        with Service(api.url, os.environ["TUNEHOUSE_ADMIN_KEY"]) as service:
            team = service.make_team()
            content = jsonl(chats(200))
            file = team.sdk.files.create(file=("train.jsonl", content), purpose="fine-tune")
            hands.run_due()
            assert team.sdk.files.retrieve(file.id).status == "processed"
            assert team.sdk.files.content(file.id).read() == content
            assert keys_in(bucket) == 1
            team.sdk.files.delete(file.id)
            hands.run_due()
            assert keys_in(bucket) == 0
    finally:
        api.stop()


@pytest.fixture
def missing_bucket(s3_environment: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TUNEHOUSE_STORAGE_URL", "s3://no-such-bucket/prefix")
        settings.cache_clear()
        storage.storage.cache_clear()
        yield


def test_a_bucket_that_exists_is_ready(s3_environment: dict[str, str]) -> None:
    storage.storage().check()


@pytest.mark.usefixtures("missing_bucket")
def test_a_bucket_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(StorageUnavailable):
        storage.storage().check()
    writer = storage.storage().create("obj_1")
    writer.write(b"x")
    with pytest.raises(StorageUnavailable):
        writer.close()


@pytest.mark.parametrize("url", ["gs://bucket/prefix", "az://container/prefix"])
def test_other_vendors_buckets_can_be_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "tests")
    assert isinstance(ObjectStorage(url), ObjectStorage)
