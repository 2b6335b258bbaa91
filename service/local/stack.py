"""All processes of `tunehouse up`: embedded servers, sandbox trainer, api and worker."""

import json
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from service.catalog.models import CatalogModel, offered
from service.core.db import dispose_engines
from service.local.checks import answers_200, check_broker, check_port, listens, read_settings
from service.local.files import free_port
from service.local.layout import DataDir
from service.local.postgres import PostgresServer
from service.local.prepare import first_admin_key, migrate
from service.local.processes import sweep, write_private
from service.local.programs import api_argv, trainer_argv, worker_argv
from service.local.supervise import ChildProcess, Supervisor
from service.local.valkey import ValkeyServer
from service.settings import settings

START_TIMEOUT_S = 90.0
DRAIN_S = 10.0
_SETTLE_S = 20.0  # beyond the drain: cut requests are settled, and the server closes connections
DATABASE = "tunehouse"
ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  recognised here, listened on only when asked to


class Stack:
    """All processes on one machine, with one data directory; a context manager that stops them.

    `url` is the api's address. `admin_key` is set only by the start that created the key. Set `stopping` to
    end `start` and `watch`. Use it from the main thread. Settings missing from the environment
    (`TUNEHOUSE_…`) are added to it, for this process and the ones it starts.
    """

    def __init__(
        self, data_dir: Path, host: str = "127.0.0.1", port: int = 0, report: Callable[[str], None] = print
    ) -> None:
        self.host = host
        self.port = port or free_port()
        reached = "127.0.0.1" if host in ANY_ADDRESS else host
        self.url = f"http://{f'[{reached}]' if ':' in reached else reached}:{self.port}"
        self.admin_key: str | None = None
        self.data = DataDir(data_dir)
        self.stopping = threading.Event()
        self._added: dict[str, str] = {}
        self._owner_url: str | None = None  # stays in this process: api and worker must not learn it
        self._supervisor = Supervisor(report)

    def __enter__(self) -> "Stack":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> bool:
        """Start everything and wait until it is ready; false if `stopping` was set meanwhile.

        Raises EmbeddedError. In any case, `stop` stops what was started.
        """
        given = read_settings().model_fields_set
        self.data.open()
        for pid_file in self.data.pid_files():
            sweep(pid_file, signal.SIGTERM)
        check_port(self.host, self.port)
        steps: list[Callable[[], None]] = [] if "database_url" in given else [self._start_postgres]
        steps += [] if "redis_url" in given else [self._start_valkey]
        steps += [lambda: self._choose_defaults(given), self._prepare_database]
        for step in steps:
            if self.stopping.is_set():
                return False
            step()
        children = [] if "providers" in given else [self._trainer()]
        children += [self._api(), self._worker()]
        write_private(self.data.environment, json.dumps(self._added))
        for child in children:
            self._supervisor.start(child)
        return self._supervisor.await_ready(children, self.stopping, START_TIMEOUT_S)

    def watch(self) -> None:
        """Restart processes that die, until `stopping` is set. Raises EmbeddedError when one keeps dying."""
        self._supervisor.watch(self.stopping)

    def stop(self) -> None:
        """Stop everything in order and unlock the data directory; safe to call twice."""
        self._supervisor.stop()
        for name in self._added:
            os.environ.pop(name, None)
        self._added.clear()
        settings.cache_clear()
        if self.data.is_open():
            self.data.environment.unlink(missing_ok=True)
            self.data.close()

    def _start_postgres(self) -> None:
        server = PostgresServer(self.data.postgres, log=self.data.log("postgres"))
        self._supervisor.start(server)
        self._owner_url, application_url = server.create_owned_database(DATABASE)
        self._add("DATABASE_URL", application_url)

    def _start_valkey(self) -> None:
        server = ValkeyServer(self.data.valkey, log=self.data.log("valkey"))
        self._supervisor.start(server)
        self._add("REDIS_URL", server.url())

    def _choose_defaults(self, given: set[str]) -> None:
        if "storage_url" not in given:
            self._add("STORAGE_URL", self.data.storage.as_uri())
        if "drain_s" not in given:
            self._add("DRAIN_S", f"{DRAIN_S:g}")
        if "shutdown_delay_s" not in given:
            self._add("SHUTDOWN_DELAY_S", "0")  # no balancer to wait for
        if "public_url" not in given:
            self._add("PUBLIC_URL", self.url)
        if "providers" not in given:
            self._trainer_port = free_port()
            self._add("TRAINER_API_KEY", self.data.secret("trainer-api-key"))
            self._add("TRAINER_WEBHOOK_SECRET", self.data.webhook_secret("trainer-webhook-secret"))
            trainer = {
                "name": "trainer",
                "kind": "trainer",
                "base_url": f"http://127.0.0.1:{self._trainer_port}/v1",
                "api_key": "env:TUNEHOUSE_TRAINER_API_KEY",
                "webhook_secret": "env:TUNEHOUSE_TRAINER_WEBHOOK_SECRET",
            }
            self._add("PROVIDERS", json.dumps([trainer]))

    def _prepare_database(self) -> None:
        settings.cache_clear()
        dispose_engines()
        check_broker(settings().redis_url.get_secret_value())
        given = settings().migrate_database_url
        owner_url = given.get_secret_value() if given else self._owner_url
        migrate(settings().database_url.get_secret_value(), owner_url)
        if settings().admin_key is None:
            self.admin_key = first_admin_key()
        dispose_engines()

    def _trainer(self) -> ChildProcess:
        port = self._trainer_port
        argv = trainer_argv("--port", str(port), "--data-dir", str(self.data.trainer))
        argv += ["--webhook-url", f"{self.url}/webhooks/trainer"]
        offer = offered("trainer")
        if any(model.stands_in for model in offer):
            argv += ["--bases", ",".join(f"{model.id}={_tuned_by(model)}" for model in offer)]
        return self._child("trainer", argv, lambda: listens(port))

    def _api(self) -> ChildProcess:
        argv = api_argv(self.host, self.port)
        api = self._child("api", argv, lambda: answers_200(f"{self.url}/readyz"))
        return replace(api, stop_timeout_s=settings().shutdown_delay_s + settings().drain_s + _SETTLE_S)

    def _worker(self) -> ChildProcess:
        return self._child("worker", worker_argv(), None)

    def _child(self, name: str, argv: list[str], ready: Callable[[], bool] | None) -> ChildProcess:
        return ChildProcess(
            name,
            argv,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            log=self.data.log(name),
            pid_file=self.data.pid_file(name),
            cwd=self.data.root,
            ready=ready,
        )

    def _add(self, name: str, value: str) -> None:
        self._added[f"TUNEHOUSE_{name}"] = value
        os.environ[f"TUNEHOUSE_{name}"] = value


def _tuned_by(model: CatalogModel) -> str:
    """The ways of tuning a base, as the trainer's `--bases` names them."""
    return "completion" if "completion" in model.formats.values() else "+".join(model.methods)
