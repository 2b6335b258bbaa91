"""Recognising and ending processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service.local import processes
from service.local.processes import bound_log, end, last_lines, spawn, started, sweep
from tests.support.waiting import wait_until

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('deaf', flush=True)
time.sleep(60)
"""


def test_a_recorded_process_is_swept(tmp_path: Path) -> None:
    process = spawn(SLEEP, pid_file=tmp_path / "pid", log=tmp_path / "log")
    assert sweep(tmp_path / "pid", signal.SIGTERM)
    assert process.wait() == -signal.SIGTERM
    assert not (tmp_path / "pid").exists()


def test_a_pid_that_now_belongs_to_another_process_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEP) as other:
        (tmp_path / "pid").write_text(json.dumps({"pid": other.pid, "started": "long ago"}))
        assert not sweep(tmp_path / "pid", signal.SIGKILL)
        assert other.poll() is None
        other.kill()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', "null"])
def test_a_broken_record_sweeps_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(text)
    assert not sweep(tmp_path / "pid", signal.SIGKILL)


def test_one_that_does_not_heed_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = spawn([sys.executable, "-c", STUBBORN], pid_file=tmp_path / "pid", log=log)
    wait_until(lambda: "deaf" in log.read_text())
    end(process, signal.SIGTERM, timeout_s=0.2)
    assert process.returncode == -signal.SIGKILL


def test_a_dead_process_has_no_mark() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    assert started(gone.pid) is None
    assert started(os.getpid()) == started(os.getpid()) is not None


def test_a_long_log_is_moved_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOG_LIMIT_BYTES", 10)
    log = tmp_path / "part.log"
    log.write_text("a line that is too long")
    bound_log(log)
    assert log.read_text() == ""
    assert last_lines(tmp_path / "part.log.1") == "a line that is too long"
