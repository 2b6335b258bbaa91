"""Start a holder, as any user and with any PATH, and end it kindly or not."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Holder:
    """One process that holds a server; `url` once it serves, `error` where it could not start."""

    def __init__(self, kind: str, data_dir: Path, *, uid: int | None = None, path_first: Path | None = None):
        path = f"{path_first}:{os.environ['PATH']}" if path_first else os.environ["PATH"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.local.holder", kind, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()

    def __enter__(self) -> "Holder":
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def finish(self) -> str:
        """Let it stop its server; what it said on stderr."""
        return self.process.communicate(timeout=30)[1]

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.communicate()


def libpq(url: str) -> str:
    """The URL as psycopg reads it."""
    return url.replace("+psycopg", "")


def recorded_pid(pid_file: Path) -> int:
    """The pid in a record of `spawn`."""
    return int(pid_file.read_text().split('"pid": ')[1].split(",")[0])


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
