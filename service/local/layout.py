"""The data directory of `tunehouse up`: its lock, its version, and the paths inside it."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import IO

from service.local.errors import EmbeddedError
from service.local.files import kept_secret, lock
from service.local.processes import write_private

VERSION = "2"


class DataDir:
    """The folder with all data of one `tunehouse up`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.postgres = self.root / "postgres"
        self.valkey = self.root / "valkey"
        self.trainer = self.root / "trainer"
        self.storage = self.root / "storage"
        # Settings of the running service, for other commands on this machine.
        self.environment = self.root / "run" / "environment.json"
        self._lock: IO[bytes] | None = None

    def open(self) -> None:
        """Create or check the folder, and lock it until `close` or the end of this process.

        Raises EmbeddedError when it is not writable, of another version, not a data directory, or in use.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedError(f"cannot create the data directory {self.root}: {error.strerror}") from error
        self._check_owner()
        self._check_version()
        self._lock = lock(self.root / "lock", f"the data directory {self.root}")
        # Others may enter but not list it: PostgreSQL may have to run as `nobody`.
        self.root.chmod(0o711)
        for name in ("run", "logs", "secrets", "storage", "trainer", "valkey"):
            (self.root / name).mkdir(exist_ok=True, mode=0o700)
        write_private(self.root / "layout", VERSION + "\n")

    def is_open(self) -> bool:
        """Whether this process has locked the folder."""
        return self._lock is not None

    def close(self) -> None:
        """Unlock the folder."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def log(self, name: str) -> Path:
        """The log file of the process `name`."""
        return self.root / "logs" / f"{name}.log"

    def pid_file(self, name: str) -> Path:
        """The file that records the pid of the process `name`."""
        return self.root / "run" / f"{name}.pid"

    def pid_files(self) -> list[Path]:
        """The recorded pids of all processes, which may still run after a kill."""
        return sorted((self.root / "run").glob("*.pid"))

    def secret(self, name: str) -> str:
        """A secret of this installation, created by the first call."""
        return kept_secret(self.root / "secrets" / name)

    def webhook_secret(self, name: str) -> str:
        """A secret in the format of Standard Webhooks: `whsec_` and base64."""
        path = self.root / "secrets" / name
        if not path.exists():
            write_private(path, "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode())
        return kept_secret(path)

    def _check_owner(self) -> None:
        if not self.root.is_dir():
            raise EmbeddedError(f"the data directory {self.root} is not a folder")
        owner = self.root.stat().st_uid
        if owner != os.getuid():
            raise EmbeddedError(
                f"the data directory {self.root} belongs to user {owner}, not to {os.getuid()}"
            )
        if not os.access(self.root, os.R_OK | os.W_OK | os.X_OK):
            raise EmbeddedError(f"this user cannot write to the data directory {self.root}")

    def _check_version(self) -> None:
        marker = self.root / "layout"
        if marker.exists():
            version = marker.read_text().strip()
            if version != VERSION:
                raise EmbeddedError(
                    f"the data directory {self.root} has layout {version}, and this Tunehouse supports "
                    f"{VERSION}: run the version that created it, or choose another directory"
                )
        elif any(found.name != "lock" for found in self.root.iterdir()):
            raise EmbeddedError(
                f"{self.root} is not empty and is not a Tunehouse data directory; choose another"
            )


def environment_of(data_dir: Path) -> dict[str, str]:
    """The settings that the service running in `data_dir` added to its environment; empty when none runs."""
    try:
        found: dict[str, str] = json.loads(DataDir(data_dir).environment.read_text())
    except (OSError, ValueError):
        return {}
    return found
