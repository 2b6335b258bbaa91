"""Supervise a few processes: start them in order, restart those that die, stop them in reverse order."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from service.local.errors import EmbeddedError
from service.local.processes import bound_log, end, last_lines, spawn, sweep

QUICK_DEATH_S = 30.0  # a process that dies sooner has not recovered
MOST_QUICK_DEATHS = 5
LONGEST_BACKOFF_S = 8.0
PACE_S = 0.2
LOG_CHECK_S = 60.0


class Part(Protocol):
    """What a supervisor needs of our own processes and the embedded servers."""

    @property
    def name(self) -> str: ...
    @property
    def log(self) -> Path: ...
    def start(self) -> object: ...
    def running(self) -> bool: ...
    def stop(self) -> None: ...


@dataclass
class ChildProcess:
    """One of our own processes. `ready` checks that it serves; if None, it is ready once it runs."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    pid_file: Path
    cwd: Path | None = None
    ready: Callable[[], bool] | None = None
    stop_timeout_s: float = 8.0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Stop what a killed run left behind and start it; returns before it is ready."""
        sweep(self.pid_file, signal.SIGTERM, self.stop_timeout_s)
        self._process = spawn(self.argv, pid_file=self.pid_file, log=self.log, env=self.env, cwd=self.cwd)

    def running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ask it to stop, and kill it if it does not; safe to call twice."""
        if self._process:
            end(self._process, signal.SIGTERM, self.stop_timeout_s)
            self._process = None
            self.pid_file.unlink(missing_ok=True)


@dataclass
class _Watched:
    part: Part
    started_at: float
    quick_deaths: int = 0
    restart_at: float | None = None


class Supervisor:
    """Supervises the running parts. `report` receives one line for the operator whenever one dies.

    Call it from the main thread only: see `processes.spawn`.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._watched: list[_Watched] = []

    def start(self, part: Part) -> None:
        """Start and supervise a part. Raises the exceptions of its `start`."""
        self._watched.append(_Watched(part, time.monotonic()))
        part.start()

    def await_ready(
        self, children: Sequence[ChildProcess], stopping: threading.Event, timeout_s: float
    ) -> bool:
        """Wait until all `children` are ready; false if `stopping` was set first.

        Raises EmbeddedError when one dies or is not ready in time.
        """
        deadline = time.monotonic() + timeout_s
        waiting = [child for child in children if child.ready]
        while waiting and not stopping.wait(PACE_S / 2):
            for watched in self._watched:
                if not watched.part.running():
                    raise EmbeddedError(self._death(watched.part))
            waiting = [child for child in waiting if child.ready and not child.ready()]
            if waiting and time.monotonic() > deadline:
                part = waiting[0]
                shown = f"{last_lines(part.log)} (log: {part.log})"
                raise EmbeddedError(f"{part.name} was not ready within {timeout_s:.0f} s: {shown}")
        return not waiting

    def watch(self, stopping: threading.Event) -> None:
        """Restart parts that die, with growing pauses, until `stopping` is set.

        Raises EmbeddedError when a part keeps dying soon after its start.
        """
        logs_checked_at = time.monotonic()
        while not stopping.wait(PACE_S):
            for watched in self._watched:
                self._mind(watched)
            if time.monotonic() - logs_checked_at > LOG_CHECK_S:
                logs_checked_at = time.monotonic()
                for watched in self._watched:
                    bound_log(watched.part.log)

    def stop(self) -> None:
        """Stop all parts in reverse order; safe to call twice."""
        while self._watched:
            self._watched.pop().part.stop()

    def _mind(self, watched: _Watched) -> None:
        now = time.monotonic()
        if watched.restart_at is None and not watched.part.running():
            quick = now - watched.started_at < QUICK_DEATH_S
            watched.quick_deaths = watched.quick_deaths + 1 if quick else 0
            if watched.quick_deaths >= MOST_QUICK_DEATHS:
                raise EmbeddedError(f"{self._death(watched.part)}, {MOST_QUICK_DEATHS} times in a row")
            watched.restart_at = now + min(0.25 * 2**watched.quick_deaths, LONGEST_BACKOFF_S)
            self._report(f"{self._death(watched.part)}; restarting it")
        elif watched.restart_at is not None and now >= watched.restart_at:
            watched.started_at, watched.restart_at = now, None
            try:
                watched.part.start()
            except EmbeddedError as error:
                self._report(str(error))  # the next round sees that it is not running, and counts it

    def _death(self, part: Part) -> str:
        return f"{part.name} stopped unexpectedly: {last_lines(part.log, 1) or 'no output'} (log: {part.log})"
