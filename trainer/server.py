"""Runs the app under uvicorn, on a socket bound beforehand: its real port and bind errors are known early."""

from __future__ import annotations

import fcntl
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from trainer.app import build_app
from trainer.settings import TrainerSettings
from trainer.state import build_state
from trainer.web.protocol import TrainerProtocol

_GRACE_S = 0.3  # uvicorn waits with asyncio, which takes fractions; SIGTERM must end within a second


class CannotStartError(Exception):
    """The server cannot start; the message is one line for the command's user."""


class _AnnouncingServer(uvicorn.Server):
    """Prints where it listens once it does."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Shut down on SIGINT or SIGTERM without raising it again, as uvicorn would, so that cleanup runs."""
        before = {which: signal.signal(which, self.handle_exit) for which in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for which, handler in before.items():
                signal.signal(which, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(f"listening on {self._url}", flush=True)  # noqa: T201 - the line that supervisors read


def serve(settings: TrainerSettings, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; raises `CannotStartError`."""
    sock = _bind(host, port)
    lock = _lock(settings.data_dir)
    try:
        state = build_state(settings)
        shown_host = f"[{host}]" if ":" in host else host
        config = uvicorn.Config(
            build_app(state),
            http=TrainerProtocol,
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_GRACE_S,  # type: ignore[arg-type]
        )
        server = _AnnouncingServer(config, f"http://{shown_host}:{sock.getsockname()[1]}")
        state.start()
        try:
            server.run(sockets=[sock])
        finally:
            state.stop()
    finally:
        lock.close()
        sock.close()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise CannotStartError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return sock


def _lock(data_dir: Path) -> TextIOWrapper:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = (data_dir / "lock").open("w")
    except OSError as error:
        raise CannotStartError(f"cannot use the data directory {data_dir}: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise CannotStartError(f"another trainer uses the data directory {data_dir}") from error
    return file
