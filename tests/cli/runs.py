"""Run the `tunehouse` command as a person would, and see what it leaves."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

TUNEHOUSE = [sys.executable, "-m", "service.cli"]


def clean_environment(**more: str) -> dict[str, str]:
    """This environment without any setting of Tunehouse, and with `more`."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TUNEHOUSE_")} | more


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """One command to its end."""
    return subprocess.run(
        [*TUNEHOUSE, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(**environment),
    )


class Up:
    """A `tunehouse up` that serves; a context manager that ends it as Ctrl-C does."""

    def __init__(self, data_dir: Path, port: int = 0, **environment: str) -> None:
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [*TUNEHOUSE, "up", "--port", str(port), "--data-dir", str(data_dir)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=clean_environment(**environment),
        )
        self.lines: list[str] = []
        # A start that hangs would make the reading below hang.
        guard = threading.Timer(120, self.process.kill)
        guard.start()
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.strip())
            if "Ctrl-C" in line:
                break
        guard.cancel()

    def __enter__(self) -> "Up":
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGINT)

    @property
    def url(self) -> str:
        """Where the api answers."""
        return next(line.split()[4] for line in self.lines if line.startswith("Tunehouse is ready at"))

    @property
    def admin_key(self) -> str | None:
        """The key it printed."""
        return next((line.split()[-1] for line in self.lines if line.startswith("admin key")), None)

    def end(self, sign: signal.Signals) -> int:
        """Send a signal and collect it; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        said, _ = self.process.communicate(timeout=60)
        self.lines += said.splitlines()
        return self.process.returncode

    def children(self) -> dict[str, int]:
        """The pid of each running part, by its name; a part that is just being restarted is left out."""
        found = {}
        for pid_file in [*self.data_dir.glob("run/*.pid"), *self.data_dir.glob("*/*.pid")]:
            with suppress(FileNotFoundError, IndexError):  # its file is removed, then written again
                found[pid_file.stem] = int(pid_file.read_text().split('"pid": ')[1].split(",")[0])
        return found
