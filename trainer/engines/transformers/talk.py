"""The protocol between the server and the training process: JSON over a private socket."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from trainer.engines.base import Progress, TrainSpec
from trainer.settings import OfferedBase
from trainer.storage.records import PlanRecord

ADDRESS_ENV = "TUNEHOUSE_TRAINER_WORKER_ADDRESS"
KEY_ENV = "TUNEHOUSE_TRAINER_WORKER_KEY"


class TrainingOrder(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`do` is check, open, step, save, rest or close.

    `halvings` says how often the tokens computed at once were halved after the loss of a process.
    """

    do: str
    spec: TrainSpec | None = None
    base: OfferedBase | None = None
    plan: PlanRecord | None = None
    step: int = 0
    folder: str = ""
    snapshot_s: float = 60.0
    halvings: int = 0


class Failure(msgspec.Struct):
    """A `TrainingFailedError` in transit; an empty code means a bug, logged by the training process."""

    code: str
    message: str
    param: str | None = None


class WorkerReply(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The result of an order, or a beat: a sign that work on it goes on."""

    failure: Failure | None = None
    plan: PlanRecord | None = None
    progress: Progress | None = None
    is_beat: bool = False


def lifeline_of(address: str) -> str:
    """The socket that stays open as long as the server lives."""
    return f"{address}.lifeline"


def send(connection: Connection[Any, Any], message: TrainingOrder | WorkerReply) -> None:
    """Send one message; raises OSError when the other side is gone."""
    connection.send_bytes(msgspec.json.encode(message, enc_hook=os.fspath))


def receive_order(connection: Connection[Any, Any]) -> TrainingOrder:
    """Wait for the next order; raises EOFError or OSError when the server is gone."""
    return msgspec.json.decode(connection.recv_bytes(), type=TrainingOrder, dec_hook=_to_path)


def receive_reply(connection: Connection[Any, Any]) -> WorkerReply:
    """Wait for the answer; raises EOFError or OSError when the training process is gone."""
    return msgspec.json.decode(connection.recv_bytes(), type=WorkerReply, dec_hook=_to_path)


def _to_path(kind: type, value: Any) -> Any:
    return Path(value) if issubclass(kind, Path) else value
