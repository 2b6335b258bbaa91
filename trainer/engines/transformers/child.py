"""Starts and controls the training process: one order at a time; a dead process is replaced."""

from __future__ import annotations

import logging
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

from trainer.engines.base import TrainingFailedError
from trainer.engines.transformers.attempts import LossCause, ProcessLostError, count_memory_kills
from trainer.engines.transformers.talk import (
    ADDRESS_ENV,
    KEY_ENV,
    TrainingOrder,
    WorkerReply,
    lifeline_of,
    receive_reply,
    send,
)
from trainer.settings import TrainerSettings

logger = logging.getLogger("trainer.engine")

_LAST_WORDS_S = 10.0  # from the end of the connection to that of the process or its launcher
_START_S = 600.0  # importing torch from a cold disk takes minutes


class Child:
    """`ask` from one thread only; `stop` from any."""

    def __init__(self, settings: TrainerSettings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Any, Any] | None = None
        self._lifeline: socket.socket | None = None
        self._memory_kills = 0
        self._listener: Listener | None = None
        self._folder: Path | None = None
        self._stopping = False
        self.generation = 0
        """Grows whenever a process is gone, and with it the runs that it had open."""

    def launch(self) -> None:
        """Start the process without waiting for it: its imports take seconds."""
        if self._process and self._process.poll() is None:
            return
        self._discard()
        self._folder = Path(tempfile.mkdtemp(prefix="tunehouse-"))
        key = secrets.token_hex(32)
        address = str(self._folder / "socket")
        self._listener = Listener(address, "AF_UNIX", authkey=key.encode())
        # Every training process connects to it, is never accepted, and ends when it closes.
        self._lifeline = socket.socket(socket.AF_UNIX)
        self._lifeline.bind(lifeline_of(address))
        self._lifeline.listen(128)
        self._memory_kills = count_memory_kills()
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

    def ask(self, order: TrainingOrder) -> WorkerReply:
        """Send an order and wait for its answer.

        Raises `TrainingFailedError` if the process refuses the order, `ProcessLostError` if it ends or
        stalls, and RuntimeError for a fault of ours. Ends the calling thread when the server is stopping.
        """
        try:
            connection = self._connect()
            send(connection, order)
            reply = self._wait(connection)
        except (EOFError, OSError) as error:
            self._leave_if_stopping()
            lost = self._explain_loss()
            logger.warning("the training process %s", lost)
            raise lost from error
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
        if self._connection is None:
            raise OSError("the training process is gone")
        return self._connection

    def _accept(self) -> Connection[Any, Any]:
        until = time.monotonic() + _START_S
        while self._listener and self._process and self._process.poll() is None:
            try:
                return self._listener.accept()
            except TimeoutError:
                self._leave_if_stopping()
                if time.monotonic() > until:
                    raise self._give_up("did not start") from None
        raise OSError("the training process did not start")

    def _wait(self, connection: Connection[Any, Any]) -> WorkerReply:
        while connection.poll(self._settings.stall_s):
            reply = receive_reply(connection)
            if not reply.is_beat:
                return reply
        raise self._give_up(f"computed nothing for {self._settings.stall_s:g} s")

    def _give_up(self, what: str) -> ProcessLostError:
        self._discard()
        logger.warning("the training process %s and was ended", what)
        return ProcessLostError(LossCause.STALLED, what)

    def _explain_loss(self) -> ProcessLostError:
        """Discard a process that has closed its connection, and say why it may have ended."""
        process = self._process
        try:
            code = process.wait(_LAST_WORDS_S) if process else None
        except subprocess.TimeoutExpired:
            code = None
        self._discard()
        if count_memory_kills() > self._memory_kills:
            return ProcessLostError(LossCause.MEMORY, "was killed because the machine ran out of memory")
        how = "ended" if code is None else f"ended with status {code}"
        return ProcessLostError(LossCause.LOST, f"was ended by signal {-code}" if code and code < 0 else how)

    def _leave_if_stopping(self) -> None:
        if self._stopping:
            raise SystemExit  # the job's row says where to go on after the next start

    def _discard(self) -> None:
        process, self._process = self._process, None
        if process:
            self.generation += 1
            process.kill()
            process.wait()
        for part in (self._connection, self._lifeline, self._listener):
            if part:
                part.close()
        self._connection = self._lifeline = self._listener = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
