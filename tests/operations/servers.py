"""Debian's servers, each as a process of the test's own."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from redis import Redis as Client
from redis.exceptions import RedisError

from tests.support.processes import Process, free_port
from tests.support.waiting import wait_until

_PATH = ":".join(
    [os.environ.get("PATH", ""), "/usr/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
)


def program(name: str) -> str:
    """The path of an installed program; skips the test where it is not installed."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        pytest.skip(f"{name} is not installed; .ci/install-operations installs it")
    return found


class Redis(Process):
    """A Redis server, or a Sentinel, with lines of configuration."""

    def __init__(self, folder: Path, lines: Sequence[str] = (), *, is_sentinel: bool = False) -> None:
        self.port = free_port()
        self.folder = folder
        self.lines = list(lines)
        self.is_sentinel = is_sentinel
        super().__init__(f"redis-{self.port}", [], {}, folder)

    def start(self) -> None:
        """Start it; `client` says when it answers."""
        place = self.folder / self.name
        place.mkdir(exist_ok=True)
        config = place / "redis.conf"
        port = [] if any(line.startswith("tls-port") for line in self.lines) else [f"port {self.port}"]
        if not config.exists():  # a Sentinel keeps its state in it
            lines = ["bind 127.0.0.1", f"dir {place}", *port, *self.lines]
            config.write_text("\n".join(lines if self.is_sentinel else [*lines, 'save ""']) + "\n")
        self.argv = [program("redis-server"), str(config), *(["--sentinel"] if self.is_sentinel else [])]
        super().start()

    def wait(self, **options: object) -> None:
        """Wait until it answers a client with these options."""

        def answers() -> bool:
            self.check_alive()
            with Client(port=self.port, **options) as client:  # type: ignore[arg-type]
                try:
                    return bool(client.ping())
                except RedisError:
                    return False

        wait_until(answers)

    def freeze(self) -> None:
        """Stop it from running, so that it takes connections and never answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it, even if it is frozen."""
        self.kill()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    certificate, key = folder / "server.crt", folder / "server.key"
    subprocess.run(
        [
            *(
                program("openssl"),
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
            ),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-out", str(certificate), "-keyout", str(key)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key
