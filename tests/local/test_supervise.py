"""Supervision: what dies is started again, what keeps dying ends it all, stops go backwards."""

import signal
import sys
import threading
from pathlib import Path

import pytest

from service.local import supervise
from service.local.errors import EmbeddedError
from service.local.supervise import ChildProcess, Supervisor
from tests.local.holding import is_alive, recorded_pid
from tests.support.waiting import wait_until

RUN = "import time; time.sleep(60)"


def child(folder: Path, name: str, code: str, **options: object) -> ChildProcess:
    argv = [sys.executable, "-c", code]
    return ChildProcess(name, argv, {}, folder / f"{name}.log", folder / f"{name}.pid", **options)  # type: ignore[arg-type]


def watch_until(supervisor: Supervisor, stopping: threading.Event, seen: threading.Event) -> None:
    """Watch on this (the main) thread; another sets `stopping` once `seen` is."""
    setter = threading.Thread(target=lambda: (seen.wait(20), stopping.set()))
    setter.start()
    supervisor.watch(stopping)
    setter.join()


def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    lines: list[str] = []
    stopping, seen = threading.Event(), threading.Event()
    supervisor = Supervisor(lines.append)
    marker = tmp_path / "second"
    code = f"import pathlib, time; p = pathlib.Path({str(marker)!r}); known = p.exists(); p.touch()"
    code += "; known and time.sleep(60)"
    part = child(tmp_path, "part", code)
    supervisor.start(part)
    first = recorded_pid(part.pid_file)

    def started_again() -> bool:
        return part.pid_file.exists() and recorded_pid(part.pid_file) != first

    waiter = threading.Thread(target=lambda: (wait_until(started_again), seen.set()))
    waiter.start()
    watch_until(supervisor, stopping, seen)
    waiter.join()
    assert part.running()
    assert len(lines) == 1
    assert "part stopped unexpectedly" in lines[0]
    supervisor.stop()


def test_a_child_that_keeps_dying_is_given_up_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "LONGEST_BACKOFF_S", 0.01)
    supervisor = Supervisor(lambda _: None)
    supervisor.start(child(tmp_path, "part", "raise SystemExit('no such thing')"))
    with pytest.raises(EmbeddedError, match=r"part stopped unexpectedly: no such thing .*5 times in a row"):
        supervisor.watch(threading.Event())
    supervisor.stop()


def test_a_child_that_dies_before_it_is_ready_is_told_at_once(tmp_path: Path) -> None:
    supervisor = Supervisor(lambda _: None)
    part = child(tmp_path, "part", "raise SystemExit('bad option')", ready=lambda: False)
    supervisor.start(part)
    with pytest.raises(EmbeddedError, match="bad option"):
        supervisor.await_ready([part], threading.Event(), timeout_s=20)
    supervisor.stop()


def test_a_child_that_is_never_ready_is_told(tmp_path: Path) -> None:
    supervisor = Supervisor(lambda _: None)
    part = child(tmp_path, "part", RUN, ready=lambda: False)
    supervisor.start(part)
    with pytest.raises(EmbeddedError, match="part was not ready within 0 s"):
        supervisor.await_ready([part], threading.Event(), timeout_s=0.1)
    supervisor.stop()


def test_a_stop_during_the_start_ends_the_wait(tmp_path: Path) -> None:
    stopping = threading.Event()
    supervisor = Supervisor(lambda _: None)
    part = child(tmp_path, "part", RUN, ready=lambda: stopping.set() or False)
    supervisor.start(part)
    assert not supervisor.await_ready([part], stopping, timeout_s=20)
    supervisor.stop()


def test_parts_stop_last_started_first(tmp_path: Path) -> None:
    order: list[str] = []
    supervisor = Supervisor(lambda _: None)

    class Noted(ChildProcess):
        def stop(self) -> None:
            order.append(self.name)
            super().stop()

    for name in ("first", "second", "third"):
        argv = [sys.executable, "-c", RUN]
        supervisor.start(Noted(name, argv, {}, tmp_path / f"{name}.log", tmp_path / f"{name}.pid"))
    supervisor.stop()
    assert order == ["third", "second", "first"]


def test_a_child_left_by_a_killed_run_is_ended_by_the_next_start(tmp_path: Path) -> None:
    left = child(tmp_path, "part", RUN)
    left.start()
    pid = recorded_pid(left.pid_file)
    again = child(tmp_path, "part", RUN)
    again.start()
    assert not is_alive(pid)
    assert left._process
    assert left._process.wait() == -signal.SIGTERM
    again.stop()
