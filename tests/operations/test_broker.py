"""The broker only accelerates, and may be a Redis with TLS, ACLs or Sentinels."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kombu import pools

from service.core.broker import wake
from service.core.broker.redis_clients import redis_client
from service.gateway.limits.script import Script
from service.settings import settings
from service.settings.redis import parse
from tests.conftest import ADMIN_KEY
from tests.jobs.story import run
from tests.operations.servers import Redis, make_certificate
from tests.support.processes import Api, Worker
from tests.support.service import Service
from tests.support.waiting import wait_until


@contextmanager
def broker_at(url: str) -> Iterator[None]:
    """Let this process send its wake-ups there."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(os.environ, "TUNEHOUSE_REDIS_URL", url)
        settings.cache_clear()
        wake._producer.cache_clear()
        pools.reset()  # kombu reuses a connection for the same host and user, whatever its TLS options are
        yield
    settings.cache_clear()
    wake._producer.cache_clear()
    pools.reset()
    wake._away.until = 0.0


def wake_ups_arrive(url: str) -> bool:
    """Whether a wake-up that is sent there arrives."""
    before = wake.waiting()
    wake.send("test", "one")
    wake.flush()
    after = wake.waiting()
    return before is not None and after is not None and after > before


async def counted(url: str) -> bytes:
    """What a script of the rate limits answers there."""
    script = Script("return 'counted'", parse(url), 5)
    try:
        return await script.run([], "")
    finally:
        await script.close()


@pytest.mark.parametrize("how", ["away", "silent"])
def test_a_job_goes_from_create_to_end_while_the_broker_is(
    how: str, redis: Redis, providers_environment: dict[str, str], folder: Path, service_database: str
) -> None:
    if how == "silent":
        redis.start()
        redis.wait()
        redis.freeze()
    env = providers_environment | {"TUNEHOUSE_REDIS_URL": f"redis://127.0.0.1:{redis.port}/0"}
    api, worker = Api(env, folder), Worker(env, folder)
    api.start()
    worker.start()
    try:
        with Service(api.url, ADMIN_KEY) as service:
            team = service.make_team(budget_usd="5.00")
            job = run(team.sdk, model="gpt-4o-mini-2024-07-18")
            assert job.fine_tuned_model is not None
            state = service.admin.get("/status").json()
            assert (state["status"], state["broker"]["ok"], state["workers"]["ok"]) == (
                "degraded",
                False,
                True,
            )
            assert service.admin.get("/readyz").status_code == 200
    finally:
        worker.stop()
        api.stop()


@pytest.mark.anyio
async def test_tls_with_a_user_of_an_acl(redis: Redis, tmp_path: Path, environment: dict[str, str]) -> None:
    certificate, key = make_certificate(tmp_path)
    redis.lines = [
        f"tls-port {redis.port}",
        "port 0",
        *(f"tls-cert-file {certificate}", f"tls-key-file {key}", "tls-auth-clients no"),
        # The rights that docs/operations/production.md names.
        "user default off",
        "user tunehouse on >s3cret:/@ ~* &* +@all -@admin -@dangerous +info",
    ]
    redis.start()
    redis.wait(ssl=True, ssl_ca_certs=str(certificate), username="tunehouse", password="s3cret:/@")
    url = f"rediss://tunehouse:s3cret%3A%2F%40@127.0.0.1:{redis.port}/0?ssl_ca_certs={certificate}"
    with broker_at(url):
        assert wake_ups_arrive(url)
    assert await counted(url) == b"counted"
    untrusted = url.partition("?")[0]
    with broker_at(untrusted):
        assert wake.waiting() is None


@pytest.mark.anyio
async def test_sentinels_name_the_new_master_after_the_old_one_died(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    first = Redis(tmp_path, ["requirepass secret", "masterauth secret"])
    second = Redis(tmp_path, ["requirepass secret", "masterauth secret", f"replicaof 127.0.0.1 {first.port}"])
    sentinel = Redis(
        tmp_path,
        [
            f"sentinel monitor house 127.0.0.1 {first.port} 1",
            "sentinel auth-pass house secret",
            "sentinel down-after-milliseconds house 500",
            "sentinel failover-timeout house 3000",
        ],
        is_sentinel=True,
    )
    url = f"redis+sentinel://:secret@127.0.0.1:1,127.0.0.1:{sentinel.port}/house/0"
    servers = (first, second, sentinel)
    try:
        for server in servers:
            server.start()
        first.wait(password="secret")
        second.wait(password="secret")
        sentinel.wait()
        with broker_at(url):
            wait_until(lambda: wake_ups_arrive(url))
            with redis_client(parse(url), 5) as client:
                wait_until(lambda: client.info("replication")["connected_slaves"] == 1)
            first.kill()
            wait_until(lambda: wake_ups_arrive(url), timeout_s=60)
        assert await counted(url) == b"counted"
    finally:
        for server in servers:
            server.stop()
