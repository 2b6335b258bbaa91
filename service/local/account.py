"""Choose the user that runs PostgreSQL, which refuses to run as root or as a user without a name."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.local.binaries import copy_postgres
from service.local.errors import EmbeddedError

# A user namespace that maps this user to the uid of `nobody`. It creates no user and changes no permission.
NAMESPACE = ("unshare", "--user", "--map-user=65534", "--map-group=65534")


@dataclass(frozen=True)
class PostgresUser:
    """How to run PostgreSQL's programs.

    `install` is their folder, `prefix` precedes their arguments, `user` is passed to the shim, and `owner` is
    the uid that owns their files, seen from outside the namespace.
    """

    install: Path
    owner: int
    prefix: tuple[str, ...] = ()
    user: str = ""


def choose_account(install: Path, data_dir: Path) -> PostgresUser:
    """The user that can run PostgreSQL here and access `data_dir`.

    Raises EmbeddedError when neither this user, nor a user namespace, nor `nobody` can run it.
    """
    uid = os.getuid()
    if uid != 0 and has_name(uid):
        return PostgresUser(install, uid)
    copy = data_dir / "programs"
    if runs([*NAMESPACE, "true"]):
        # Inside the namespace, root can no longer enter folders closed to others.
        within_reach = runs([*NAMESPACE, str(install / "bin" / "postgres"), "--version"])
        return PostgresUser(install if within_reach else copy_postgres(install, copy), uid, NAMESPACE)
    if uid != 0:
        raise EmbeddedError(
            f"PostgreSQL cannot run as user {uid}, who is not in /etc/passwd; run as an ordinary user"
        )
    nobody = pwd.getpwnam("nobody")
    closed = next((p for p in reversed([data_dir, *data_dir.parents]) if not p.stat().st_mode & 0o001), None)
    if closed:
        raise EmbeddedError(
            f"PostgreSQL cannot run as root; it must run as the user nobody, who may not enter {closed}: "
            "choose another data directory, for example under /var/lib, or run as an ordinary user"
        )
    return PostgresUser(copy_postgres(install, copy), nobody.pw_uid, user=f"{nobody.pw_uid}:{nobody.pw_gid}")


def has_name(uid: int) -> bool:
    """Whether the user has a name, without which initdb refuses to run.

    `docker run --user 12345` starts a process without one.
    """
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def runs(argv: Sequence[str]) -> bool:
    """Whether a command exists and succeeds."""
    try:
        return subprocess.run(argv, check=False, capture_output=True, timeout=30).returncode == 0
    except OSError:
        return False


def give(path: Path, owner: int) -> None:
    """If we are root, make `owner` the owner of `path` and everything in it."""
    if os.getuid() == 0 and path.exists() and path.lstat().st_uid != owner:
        for found in [path, *path.rglob("*")]:
            os.chown(found, owner, -1, follow_symlinks=False)
