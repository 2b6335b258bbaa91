"""Start, recognise and stop processes, so that none outlives the process that started it."""

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# Not `sys.platform` in the conditions: the type checker would treat the other branch as unreachable.
LINUX: bool = platform.system() == "Linux"
SHIM = Path(__file__).with_name("shim.py")
LOG_LIMIT_BYTES = 5_000_000


def spawn(
    argv: Sequence[str],
    *,
    pid_file: Path,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
    user: str = "",
) -> subprocess.Popen[bytes]:
    """Start `argv` in its own session, append its output to `log`, and record its pid in `pid_file`.

    On Linux it receives `death_signal` when this process dies. The kernel sends it when the starting *thread*
    ends, so it is requested only from the main thread; `sweep` covers the other cases.
    """
    bound_log(log)
    on_main_thread = threading.current_thread() is threading.main_thread()
    shim = [
        sys.executable,
        "-I",
        "-S",
        str(SHIM),
        str(os.getpid()),
        str(int(death_signal) * on_main_thread),
        user,
    ]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*shim, *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            # Ctrl-C in the terminal must reach only the supervisor, which stops its children in order.
            start_new_session=True,
        )
    write_private(pid_file, json.dumps({"pid": process.pid, "started": started(process.pid)}))
    return process


def end(process: subprocess.Popen[bytes], how: signal.Signals, timeout_s: float) -> None:
    """Send `how` to `process`, and kill its process group if it still runs after `timeout_s`."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            kill_group(process.pid)
            process.wait()


def sweep(pid_file: Path, how: signal.Signals, timeout_s: float = 10.0) -> bool:
    """Stop the process that a killed run left behind; true if there was one.

    If another process has the pid now, its start time differs, and it is left alone.
    """
    try:
        record = json.loads(pid_file.read_text())
        pid, mark = int(record["pid"]), record["started"]
    except (OSError, ValueError, KeyError, TypeError):
        return False  # missing, or incomplete because of the kill

    def gone() -> bool:
        return mark is None or started(pid) != mark

    found = not gone()
    if found:
        os.kill(pid, how)
        if not wait_until(gone, timeout_s):
            kill_group(pid)
            wait_until(gone, timeout_s)
    pid_file.unlink(missing_ok=True)
    return found


def started(pid: int) -> str | None:
    """A mark that identifies the process with this pid among all that ever have it; None if it is dead."""
    if LINUX:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return None
        # proc(5): the name in brackets can contain anything; then the state (field 3) … the start time (22).
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"
    state, _, since = ps(pid, "stat=,lstart=").partition(" ")
    return since.strip() if since and not state.startswith("Z") else None


def command_line(pid: int) -> str:
    """The program and arguments of a process, joined by spaces; empty if it is dead."""
    if LINUX:
        try:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ").strip()
        except OSError:
            return ""
    return ps(pid, "command=")


def ps(pid: int, columns: str) -> str:
    """The columns that ps(1) prints for a process, on systems without /proc."""
    argv = ["/bin/ps", "-o", columns, "-p", str(pid)]
    return subprocess.run(argv, check=False, capture_output=True, text=True).stdout.strip()


def kill_group(pid: int) -> None:
    """Kill every process of a session that `spawn` started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def wait_until(condition: Callable[[], bool], timeout_s: float, pause_s: float = 0.02) -> bool:
    """Poll `condition`; false if it is still false after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
    return True


def bound_log(log: Path) -> None:
    """Move the content of a log that exceeds its limit to `*.1`, replacing the previous one.

    The log is copied and truncated, not renamed, because processes have it open for appending.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        shutil.copyfile(log, log.with_name(log.name + ".1"))
        os.truncate(log, 0)


def last_lines(log: Path, count: int = 3) -> str:
    """The last lines of a log, joined into one for an error message."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    found = [line.strip() for line in lines if line.strip()]
    return " | ".join(found[-count:])


def write_private(path: Path, text: str) -> None:
    """Atomically write a file that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    part.replace(path)
