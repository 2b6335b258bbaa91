"""Starts and controls the training process: one order at a time; a dead process is replaced."""

from __future__ import annotations

import logging
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

from trainer.engines.base import TrainingFailedError
from trainer.engines.transformers.talk import (
    ADDRESS_ENV,
    KEY_ENV,
    TrainingOrder,
    WorkerReply,
    receive_reply,
    send,
)
from trainer.settings import TrainerSettings

logger = logging.getLogger("trainer.engine")

_DIED = (
    "The training process was ended from outside, most likely because the machine ran out of memory. Shorten"
    " the longest examples, tune with LoRA instead of in full, choose a smaller base, or give it more memory."
)


class Child:
    """`ask` from one thread only; `stop` from any."""

    def __init__(self, settings: TrainerSettings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Any, Any] | None = None
        self._lifeline: Connection[Any, Any] | None = None
        self._listener: Listener | None = None
        self._folder: Path | None = None
        self._stopping = False
        self.generation = 0
        """Grows with every new process, which knows nothing of the runs of the one before."""

    def launch(self) -> None:
        """Start the process without waiting for it: its imports take seconds."""
        if self._process and self._process.poll() is None:
            return
        self._discard()
        self._folder = Path(tempfile.mkdtemp(prefix="tunehouse-"))
        key = secrets.token_hex(32)
        address = str(self._folder / "socket")
        self._listener = Listener(address, "AF_UNIX", authkey=key.encode())
        device = self._settings.device
        environment = {**os.environ, ADDRESS_ENV: address, KEY_ENV: key, "TOKENIZERS_PARALLELISM": "false"}
        if device.startswith("cuda:"):
            environment["CUDA_VISIBLE_DEVICES"] = device.removeprefix("cuda:")
        command = [*(shlex.split(self._settings.launch) or [sys.executable])]
        command += ["-m", "trainer.engines.transformers.worker", *(["--cpu"] if device == "cpu" else [])]
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,  # the server's own output is one line that supervisors read
            start_new_session=True,  # Ctrl-C is for the server, which stops in good order
        )
        self.generation += 1

    def ask(self, order: TrainingOrder) -> WorkerReply:
        """Send an order and wait; raises `TrainingFailedError` if the process refuses it or dies.

        Raises RuntimeError for a fault of ours, and ends the calling thread when the server is stopping.
        """
        try:
            connection = self._connect()
            send(connection, order)
            reply = receive_reply(connection)
        except (EOFError, OSError) as error:
            self._leave_if_stopping()
            self._discard()
            raise TrainingFailedError("out_of_memory", _DIED) from error
        if reply.failure and reply.failure.code:
            raise TrainingFailedError(reply.failure.code, reply.failure.message, reply.failure.param)
        if reply.failure:
            raise RuntimeError(reply.failure.message)
        return reply

    def stop(self) -> None:
        """End the process. A thread waiting in `ask` ends too, without failing its job."""
        self._stopping = True
        self._discard()

    def _connect(self) -> Connection[Any, Any]:
        self._leave_if_stopping()
        self.launch()
        if self._connection is None and self._listener and self._process:
            self._listener._listener._socket.settimeout(1.0)  # type: ignore[attr-defined]
            self._connection = self._accept()
            self._lifeline = self._accept()
        if self._connection is None:
            raise OSError("the training process is gone")
        return self._connection

    def _accept(self) -> Connection[Any, Any]:
        while self._listener and self._process and self._process.poll() is None:
            try:
                return self._listener.accept()
            except TimeoutError:
                self._leave_if_stopping()
        raise OSError("the training process did not start")

    def _leave_if_stopping(self) -> None:
        if self._stopping:
            raise SystemExit  # the job's row says where to go on after the next start

    def _discard(self) -> None:
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()
        for part in (self._connection, self._lifeline, self._listener):
            if part:
                part.close()
        self._connection = self._lifeline = self._listener = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
