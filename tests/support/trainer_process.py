"""Starts a real trainer in its own process, on a free port, over a folder that outlives it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.support.trainer_control import TrainerControl
from trainer.settings import SANDBOX_BASES

API_KEY = "trainer-test-key"
WEBHOOK_SECRET = "whsec_dHVuZWhvdXNlLXRyYWluZXItdGVzdC1zZWNyZXQ="
_ROOT = Path(__file__).resolve().parents[2]
_START_TIMEOUT_S = 30.0
CALL_TIMEOUT_S = 2.5  # less than the leases and the grace that tests set


class TrainerProcess:
    """`start`, `stop` and `kill` any number of times; the port stays the same from the first start on."""

    def __init__(
        self,
        data_dir: Path,
        *,
        bases: Sequence[str] = (SANDBOX_BASES,),
        control: bool = True,
        webhook_url: str | None = None,
        webhook_secret: str | None = WEBHOOK_SECRET,
        api_key: str = API_KEY,
        step_ms: int = 5,
        concurrency: int = 8,
        dialect: str = "openai",
        port: int = 0,
        engine: str = "sandbox",
        snapshot_s: float = 60.0,
        launch: str = "",
        stall_s: float = 1800.0,
        file_limit_bytes: int | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.api_key = api_key
        self.webhook_secret = webhook_secret
        self.control = TrainerControl(lambda: self.root_url, api_key)
        self.port = port
        # Beyond it writing fails as on a full disk: Python ignores the signal. The shell counts in 512 bytes.
        limit = f'ulimit -f {file_limit_bytes // 512}; exec "$@"' if file_limit_bytes else ""
        self._limit = ["sh", "-c", limit, "sh"] if limit else []
        self._arguments = ["--data-dir", str(data_dir), "--bases", ",".join(bases)]
        self._arguments += [
            "--step-ms",
            str(step_ms),
            "--concurrency",
            str(concurrency),
            "--dialect",
            dialect,
        ]
        self._arguments += ["--engine", engine, "--device", "cpu", "--snapshot-s", str(snapshot_s)]
        self._arguments += ["--stall-s", str(stall_s)]
        self._arguments += ["--launch", launch] if launch else []
        self._arguments += ["--control"] if control else []
        self._arguments += ["--webhook-url", webhook_url] if webhook_url else []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def root_url(self) -> str:
        """Where the server listens, without `/v1`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What the openai SDK takes as its base_url."""
        return f"{self.root_url}/v1"

    def as_provider(self, name: str = "trainer", webhook_secret: str | None = None) -> str:
        """This trainer as the value of TUNEHOUSE_PROVIDERS; start it first, for its port."""
        provider = {
            "name": name,
            "kind": "trainer",
            "base_url": self.base_url,
            "api_key": self.api_key,
            "webhook_secret": webhook_secret or self.webhook_secret,
            "timeout_s": CALL_TIMEOUT_S,
        }
        return json.dumps([provider])

    @property
    def process_id(self) -> int:
        """Of the process that runs."""
        if self._process is None:
            raise RuntimeError("the trainer is not running")
        return self._process.pid

    def start(self) -> TrainerProcess:
        """Start and wait until it serves; raises RuntimeError when it does not."""
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("TUNEHOUSE_TRAINER_")},
            "TUNEHOUSE_TRAINER_API_KEY": self.api_key,
        }
        if self.webhook_secret:
            environment["TUNEHOUSE_TRAINER_WEBHOOK_SECRET"] = self.webhook_secret
        self._process = subprocess.Popen(
            [*self._limit, sys.executable, "-m", "trainer", "--port", str(self.port), *self._arguments],
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            env=environment,
        )
        self.port = int(self._read_line(self._process).rsplit(":", 1)[1])
        return self

    def stop(self) -> int:
        """Ask it to end and return its exit status."""
        return self._end(kill=False)

    def kill(self) -> int:
        """End it with -9."""
        return self._end(kill=True)

    def kill_training(self) -> None:
        """End with -9 the process that trains, or the last one that its launcher started."""
        self._training()[-1].kill()

    def freeze_training(self) -> None:
        """Stop the process that trains, as a device that hangs would."""
        self._training()[-1].suspend()

    def _training(self) -> list[psutil.Process]:
        return psutil.Process(self.process_id).children(recursive=True)

    def _end(self, *, kill: bool) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if kill:
            process.kill()
        else:
            process.terminate()
        status = process.wait(timeout=10)
        if process.stdout:
            process.stdout.close()
        return status

    def _read_line(self, process: subprocess.Popen[bytes]) -> str:
        deadline = time.monotonic() + _START_TIMEOUT_S
        assert process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(process.stdout.fileno(), 4096) if ready else b""
            if not piece:
                self._end(kill=True)
                raise RuntimeError(f"the trainer did not start: {line.decode() or 'no output'}")
            line += piece
        return line.decode().strip()
