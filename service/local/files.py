"""Locks, secrets, socket folders and free ports for a data directory."""

import fcntl
import hashlib
import os
import secrets
import socket
import stat
from pathlib import Path
from typing import IO

from service.local.errors import EmbeddedError
from service.local.processes import write_private


def lock(path: Path, what: str) -> IO[bytes]:
    """Lock `path` while the returned file is open. The kernel releases it when this process dies.

    Raises EmbeddedError when another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    held = path.open("ab")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise EmbeddedError(f"{what} is in use by another process that is still running") from error
    return held


def kept_secret(path: Path, bits: int = 192) -> str:
    """The secret in `path`, created by the first call."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(bits // 8))
    return path.read_text().strip()


def socket_folder(data_dir: Path, owner: int) -> Path:
    """A private folder of user `owner` for the Unix sockets of `data_dir`.

    It is in /tmp, with a hashed name: a socket's path is limited to 103 bytes (107 on Linux).
    """
    digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
    folder = Path(f"/tmp/tunehouse-{os.getuid()}-{digest}")  # noqa: S108  owner and mode are checked below
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.getuid() == 0 and not folder.is_symlink():
        os.chown(folder, owner, -1)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
        raise EmbeddedError(f"{folder} is not a private folder of this user; remove it")
    return folder


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
