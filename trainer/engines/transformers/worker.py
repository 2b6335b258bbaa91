"""The main module of the training process: carries out the server's orders until the server is gone.

Under `accelerate launch` there are several; the first talks to the server and passes every order on.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from datetime import timedelta
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs

from trainer.engines.base import TrainingFailedError
from trainer.engines.transformers.failures import as_training_failures
from trainer.engines.transformers.loop import Run
from trainer.engines.transformers.prepare import prepare
from trainer.engines.transformers.talk import (
    ADDRESS_ENV,
    KEY_ENV,
    Failure,
    TrainingOrder,
    WorkerReply,
    lifeline_of,
    receive_order,
    send,
)

logger = logging.getLogger("trainer.worker")


class Worker:
    """Carries out orders, and holds the current run if there is one."""

    def __init__(self, accelerator: Accelerator, connection: Connection[Any, Any] | None) -> None:
        self._accelerator = accelerator
        self._connection = connection
        self._run: Run | None = None
        self._last_beat = 0.0

    def beat(self) -> None:
        """Tell the server that work goes on, once a second at most."""
        now = time.monotonic()
        if self._connection and now - self._last_beat >= 1.0:
            self._last_beat = now
            send(self._connection, WorkerReply(is_beat=True))

    def carry_out(self, order: TrainingOrder) -> WorkerReply:
        """Carry out an order; any failure is part of the reply."""
        try:
            with as_training_failures():
                return self._do(order)
        except TrainingFailedError as error:
            return WorkerReply(failure=Failure(error.code, error.message, error.param))
        except Exception:  # a fault of ours must reach the server, which fails the job, and the log
            logger.exception("the order %s failed", order.do)
            return WorkerReply(failure=Failure("", "The trainer failed; see its log."))

    def _do(self, order: TrainingOrder) -> WorkerReply:
        if order.do == "check" and order.spec and order.base:
            is_main = self._accelerator.is_main_process
            return WorkerReply(plan=prepare(order.spec, order.base, self.beat) if is_main else None)
        if order.do == "open" and order.spec and order.base and order.plan:
            self._close()
            self._run = Run(
                order.spec,
                order.base,
                order.plan,
                order.step,
                self._accelerator,
                order.snapshot_s,
                halvings=order.halvings,
                beat=self.beat,
            )
        elif order.do == "step" and self._run:
            self._run.rest_if_due()
            return WorkerReply(progress=self._run.step())
        elif order.do == "save" and self._run:
            self._run.save(order.step, Path(order.folder))
        elif order.do == "rest" and self._run:
            self._run.rest()
        elif order.do == "close":
            self._close()
        else:
            raise RuntimeError(f"the order {order.do!r} makes no sense now")
        return WorkerReply()

    def _close(self) -> None:
        self._run = None
        gc.collect()
        if self._accelerator.device.type == "cuda":
            torch.cuda.empty_cache()


def main() -> None:
    """Connect to the server and carry out its orders."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a service manager signals all; the server ends this one
    # Idle for hours between jobs is right; the default would end the processes after half an hour.
    patience = InitProcessGroupKwargs(timeout=timedelta(days=365))
    address, key = os.environ.pop(ADDRESS_ENV), os.environ.pop(KEY_ENV).encode()
    _live_with(lifeline_of(address))
    accelerator = Accelerator(cpu="--cpu" in sys.argv, kwargs_handlers=[patience])
    connection = Client(address, authkey=key) if accelerator.is_main_process else None
    worker = Worker(accelerator, connection)
    while True:
        order = _next_order(connection, accelerator)
        if order is None:
            return
        reply = _agree(worker.carry_out(order), accelerator)
        if connection:
            send(connection, reply)


def _live_with(address: str) -> None:
    """End this process as soon as the server is gone or gives it up, even in the middle of a step."""
    lifeline = socket.socket(socket.AF_UNIX)
    lifeline.connect(address)

    def wait() -> None:
        with suppress(OSError):
            lifeline.recv(1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _agree(reply: WorkerReply, accelerator: Accelerator) -> WorkerReply:
    """The reply of the first process, or a failure of another: none of them has an order half done."""
    if accelerator.num_processes == 1:
        return reply
    failures: list[Failure | None] = [None] * accelerator.num_processes
    torch.distributed.all_gather_object(failures, reply.failure)
    failed = next((failure for failure in failures if failure), None)
    return WorkerReply(failure=failed) if failed else reply


def _next_order(connection: Connection[Any, Any] | None, accelerator: Accelerator) -> TrainingOrder | None:
    box: list[TrainingOrder | None] = [None]
    if connection:
        try:
            box = [receive_order(connection)]
        except (EOFError, OSError):
            box = [None]
    if accelerator.num_processes > 1:
        torch.distributed.broadcast_object_list(box)
    return box[0]


if __name__ == "__main__":
    main()
