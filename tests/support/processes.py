"""The real processes under test: api and worker, started as an operator would."""

import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

import httpx2

from service.local.programs import api_argv, worker_argv
from tests.support.plain import NO_CERTIFICATES
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
_START_TIMEOUT_S = 120.0  # on a busy machine its imports alone can take half a minute


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A child process whose output goes to a log file that a failing test can show."""

    def __init__(self, name: str, argv: list[str], env: Mapping[str, str], log_folder: Path) -> None:
        self.name = name
        self.argv = argv
        self.env = dict(env)
        self.log_path = log_folder / f"{name}-{free_port()}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; in a session of its own, so that a Ctrl-C at the terminal reaches pytest alone."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv, env=os.environ | self.env, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def stop(self) -> None:
        """Ask it to end, as an operator would, and wait."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without warning, as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, sign: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(sign)
            self.process.wait(20)

    def resident_megabytes(self, of: str = "VmRSS") -> float:
        """The memory that it has now, or `VmHWM`: the most that it ever had."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith(of))
        return int(kilobytes) / 1024

    def check_alive(self) -> None:
        """Fail with the log's end when the process has died."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} died:\n{self.log_path.read_text()[-4000:]}")


class Api(Process):
    """One api process on a port of its own."""

    def __init__(self, env: Mapping[str, str], log_folder: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__("api", api_argv("127.0.0.1", self.port), env, log_folder)

    def start(self) -> None:
        """Start it and wait until it answers."""
        super().start()
        wait_until(self._answers, timeout_s=_START_TIMEOUT_S)

    def _answers(self) -> bool:
        self.check_alive()
        try:
            answer = httpx2.get(f"{self.url}/healthz", trust_env=False, verify=NO_CERTIFICATES)
        except httpx2.TransportError:
            return False
        return answer.status_code == 200


class Worker(Process):
    """One worker process."""

    def __init__(self, env: Mapping[str, str], log_folder: Path) -> None:
        super().__init__("worker", worker_argv(), env, log_folder)
