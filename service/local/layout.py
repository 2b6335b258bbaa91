"""A data dir: who may use it, which version wrote it, and what lies where."""

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
    """The folder that holds everything of one `tunehouse up`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.postgres = self.root / "postgres"
        self.valkey = self.root / "valkey"
        self.trainer = self.root / "trainer"
        self.storage = self.root / "storage"
        # Settings of the running service, for commands started beside it.
        self.environment = self.root / "run" / "environment.json"
        self._lock: IO[bytes] | None = None

    def open(self) -> None:
        """Create or check the folder, and hold it until `close` or the end of this process.

        Raises EmbeddedError: not ours to write, of another version, not a data dir, or in use.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedError(f"cannot create the data dir {self.root}: {error.strerror}") from error
        self._check_owner()
        self._check_version()
        self._lock = lock(self.root / "lock", f"the data dir {self.root}")
        # Others may pass and see nothing: PostgreSQL may have to run as `nobody`.
        self.root.chmod(0o711)
        for name in ("run", "logs", "secrets", "storage", "trainer", "valkey"):
            (self.root / name).mkdir(exist_ok=True, mode=0o700)
        write_private(self.root / "layout", VERSION + "\n")

    def is_open(self) -> bool:
        """Whether we hold the folder."""
        return self._lock is not None

    def close(self) -> None:
        """Let others use the folder."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def log(self, name: str) -> Path:
        """Where the part `name` writes its log."""
        return self.root / "logs" / f"{name}.log"

    def pid_file(self, name: str) -> Path:
        """Where the process of the part `name` is recorded."""
        return self.root / "run" / f"{name}.pid"

    def pid_files(self) -> list[Path]:
        """All processes that were recorded and, after a kill, may still run."""
        return sorted((self.root / "run").glob("*.pid"))

    def secret(self, name: str) -> str:
        """A secret of this installation, made at the first call."""
        return kept_secret(self.root / "secrets" / name)

    def webhook_secret(self, name: str) -> str:
        """The same in the form that Standard Webhooks asks for: `whsec_` and base64."""
        path = self.root / "secrets" / name
        if not path.exists():
            write_private(path, "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode())
        return kept_secret(path)

    def _check_owner(self) -> None:
        if not self.root.is_dir():
            raise EmbeddedError(f"the data dir {self.root} is not a folder")
        owner = self.root.stat().st_uid
        if owner != os.getuid():
            raise EmbeddedError(f"the data dir {self.root} belongs to user {owner} and this is {os.getuid()}")
        if not os.access(self.root, os.R_OK | os.W_OK | os.X_OK):
            raise EmbeddedError(f"the data dir {self.root} may not be written by this user")

    def _check_version(self) -> None:
        marker = self.root / "layout"
        if marker.exists():
            version = marker.read_text().strip()
            if version != VERSION:
                raise EmbeddedError(
                    f"the data dir {self.root} has layout {version} and this Tunehouse knows {VERSION}: "
                    "run the version that wrote it, or choose another data dir"
                )
        elif any(found.name != "lock" for found in self.root.iterdir()):
            raise EmbeddedError(f"{self.root} is no data dir of Tunehouse and not empty: choose another")


def environment_of(data_dir: Path) -> dict[str, str]:
    """The settings that the service running on `data_dir` added to its environment; none when none runs."""
    try:
        found: dict[str, str] = json.loads(DataDir(data_dir).environment.read_text())
    except (OSError, ValueError):
        return {}
    return found
