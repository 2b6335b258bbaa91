"""A whole Tunehouse as separate processes, each of which can be killed with -9 and started again."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

import redis
from openai import OpenAI

from service.local.errors import EmbeddedError
from service.local.postgres import PostgresServer
from service.local.valkey import ValkeyServer
from tests.fakes.fireworks import FireworksFake
from tests.fakes.nebius import NebiusFake
from tests.fakes.server import KEY
from tests.fakes.together import TogetherFake
from tests.support.lossy_proxy import LossyProxy
from tests.support.processes import ROOT, Api, Worker, free_port
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess

ADMIN_KEY = "th-admin-key-of-the-chaos"
WEBHOOK_SECRET = "whsec_Y2hhb3MgaGFzIGEgc2VjcmV0IHRvbyE="
PARTS = ("worker", "api", "valkey", "postgres", "trainer")
_TRAINER_FAULTS = (
    {"kind": "drop_after", "method": "POST", "path": "/v1/fine_tuning/jobs$"},
    {"kind": "drop_before", "method": "POST", "path": "/v1/fine_tuning/jobs$"},
    {"kind": "answer_late", "method": "POST", "path": "/v1/fine_tuning/jobs$", "delay_s": 6},
    {"kind": "status", "status": 500, "method": "POST", "path": "/v1/fine_tuning/jobs$"},
    {"kind": "drop_after", "method": "POST", "path": "/v1/files$"},
    {"kind": "drop_after", "method": "POST", "path": "/cancel$"},
    {"kind": "status", "status": 429, "path": "/v1/fine_tuning", "headers": {"retry-after": "1"}},
    {"kind": "status", "status": 503, "method": "GET", "path": "/v1/fine_tuning"},
    {"kind": "drop_before", "method": "GET", "path": "/v1/fine_tuning"},
    {
        "kind": "job_status",
        "method": "GET",
        "path": "/v1/fine_tuning/jobs/[^/]+$",
        "status_name": "pondering",
    },
)


# Of each imitated vendor: where jobs are created.
_CREATES = {
    "together": "/v1/fine-tunes$",
    "fireworks": "/supervisedFineTuningJobs$",
    "nebius": "/v1/fine_tuning/jobs$",
}


class Town:
    """Everything that `tunehouse up` would run, with a proxy before the api that loses answers.

    Its providers are the trainer and `vendors`, the imitations of three kinds more, which are never killed.
    """

    def __init__(self, folder: Path) -> None:
        self.log: Counter[str] = Counter()
        self._clients = ExitStack()
        self.vendors: dict[str, Any] = {
            "together": TogetherFake(),
            "fireworks": FireworksFake(),
            "nebius": NebiusFake(),
        }
        self.postgres = PostgresServer(folder / "postgres")
        self.valkey = ValkeyServer(folder / "valkey")
        port = free_port()
        self.trainer = TrainerProcess(
            folder / "trainer",
            bases=["sandbox-mini"],
            webhook_url=f"http://127.0.0.1:{port}/webhooks/trainer",
            webhook_secret=WEBHOOK_SECRET,
            step_ms=60,
            concurrency=16,
        )
        self.postgres.start()
        owner_url, self.database_url = self.postgres.create_owned_database("tunehouse")
        self.redis_url = self.valkey.start()
        self.trainer.start()
        self.env = {
            "TUNEHOUSE_DATABASE_URL": self.database_url,
            "TUNEHOUSE_REDIS_URL": self.redis_url,
            "TUNEHOUSE_ADMIN_KEY": ADMIN_KEY,
            "TUNEHOUSE_STORAGE_URL": f"file://{folder / 'storage'}",
            "TUNEHOUSE_PROVIDERS": self._providers(),
            "TUNEHOUSE_SWEEP_INTERVAL_S": "0.5",
            "TUNEHOUSE_POLL_INTERVAL_S": "2",
            "TUNEHOUSE_LEASE_S": "8",
            "TUNEHOUSE_CREATE_GRACE_S": "8",
            "TUNEHOUSE_WEBHOOK_ALLOWED_NETWORKS": '["127.0.0.0/8"]',
            "TUNEHOUSE_WEBHOOK_RETRY_SCHEDULE_S": "[1,1,2,2,4,4,8,8,16,16]",
            "TUNEHOUSE_LOG_FORMAT": "console",
        }
        self.api = Api(self.env, folder, port)
        self.worker = Worker(self.env, folder)
        self.proxy = LossyProxy(port)
        self._migrate(owner_url)
        self.api.start()
        self.worker.start()

    def _migrate(self, owner_url: str) -> None:
        command = [sys.executable, "-m", "service.cli", "migrate"]
        env = os.environ | self.env | {"TUNEHOUSE_MIGRATE_DATABASE_URL": owner_url}
        subprocess.run(command, check=True, cwd=ROOT, env=env, capture_output=True)

    def _providers(self) -> str:
        (trainer,) = json.loads(self.trainer.as_provider("trainer", webhook_secret=WEBHOOK_SECRET))
        limits = {"job_limits": {"*": {"concurrent": 24}}, "calls_per_minute": 6000, "timeout_s": 5}
        return json.dumps([trainer | limits, *(self.vendor_settings(kind) | limits for kind in self.vendors)])

    def vendor_settings(self, kind: str) -> dict[str, Any]:
        """How Tunehouse is configured for a vendor's imitation."""
        fake = self.vendors[kind]
        return {"name": kind, "kind": kind, "base_url": fake.base_url, "api_key": KEY} | fake.more_settings

    @cached_property
    def upstream(self) -> OpenAI:
        """The trainer, past Tunehouse."""
        client = OpenAI(base_url=self.trainer.base_url, api_key=self.trainer.api_key, max_retries=5)
        return self._clients.enter_context(client)

    @cached_property
    def service(self) -> Service:
        """The api, past the proxy."""
        return self._clients.enter_context(Service(self.api.url, ADMIN_KEY))

    def kill(self, part: str) -> None:
        """Kill one part with -9 and start it again."""
        self.log[f"{part} killed"] += 1
        if part == "postgres" or part == "valkey":
            server = getattr(self, part)
            os.kill(server._process.pid, signal.SIGKILL)
            server._process.wait()
            _insist(server.start)
        else:
            process = getattr(self, part)
            process.kill()
            process.start()
            if part == "trainer":
                self.spoil_webhooks()

    def flush(self) -> None:
        """Empty the broker."""
        self.log["broker flushed"] += 1
        with redis.Redis.from_url(self.redis_url) as broker:
            broker.flushall()

    def lose_answers(self, dice: random.Random) -> None:
        """Lose the answers to some requests of teams and of workers."""
        self.proxy.lose(2, lambda request: request.startswith(b"POST"))
        fault = dict(dice.choice(_TRAINER_FAULTS))
        self.log[f"upstream: {fault['kind']}"] += 1
        self.trainer.control.fault(str(fault.pop("kind")), times=dice.randint(1, 3), **fault)  # type: ignore[arg-type]
        kind = dice.choice(sorted(self.vendors))
        vendor, how = self.vendors[kind], dice.choice(("lost", "lost before", "error", "error before"))
        spoil = vendor.lose if how.startswith("lost") else vendor.fail
        spoil("POST", _CREATES[kind], before=how.endswith("before"))
        vendor.fail("GET", "", 503, before=True)
        self.log[f"{kind}: create {how}"] += 1

    def spoil_webhooks(self) -> None:
        """Let the provider send each webhook twice and newest first."""
        self.trainer.control.webhooks(copies=2, reorder=True)

    def calm(self) -> None:
        """End what spoils answers."""
        self.proxy.lose(0)
        self.trainer.control.clear_faults()
        for vendor in self.vendors.values():
            vendor.faults.clear()

    def last_words(self) -> str:
        """How many messages the broker holds, and the ends of the worker's and the api's logs."""
        with redis.Redis.from_url(self.redis_url) as broker:
            waiting = {str(key): broker.llen(key) for key in broker.keys("tunehouse*")}
        logs = [f"--- {part.name}\n{part.log_path.read_text()[-6000:]}" for part in (self.worker, self.api)]
        return "\n".join([f"messages waiting: {waiting}", *logs])

    def stop(self) -> None:
        """Stop everything."""
        self._clients.close()
        self.proxy.close()
        for part in (self.worker, self.api, self.trainer, self.valkey, self.postgres):
            part.stop()
        for vendor in self.vendors.values():
            vendor.close()


class Monkey:
    """Breaks something every few seconds, so and so often, or until told to stop."""

    def __init__(self, town: Town, times: int, every_s: float, seed: int) -> None:
        self._town = town
        self._times = times
        self._every_s = every_s
        self._dice = random.Random(seed)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monkey", daemon=True)
        self.failed: BaseException | None = None
        self.kills = 0

    def start(self) -> None:
        """Begin."""
        self._town.spoil_webhooks()
        self._thread.start()

    def stop(self) -> None:
        """Let the present deed be the last, and see that everything runs. Raises what a deed raised."""
        self._stopped.set()
        self._thread.join()
        self._town.calm()
        if self.failed is not None:
            raise self.failed

    def _run(self) -> None:
        try:
            while self.kills < self._times and not self._stopped.wait(self._every_s):
                self._town.lose_answers(self._dice)
                self._town.kill(PARTS[self.kills % len(PARTS)])
                self.kills += 1
                if self.kills % 3 == 0:
                    self._town.flush()
        except BaseException as failure:
            self.failed = failure


def _insist(start: Callable[[], object]) -> None:
    """Start a server whose killed predecessor may still be letting go of its memory."""
    pace = threading.Event()
    for _ in range(40):
        try:
            start()
        except EmbeddedError:
            pace.wait(0.5)
        else:
            return
    start()
