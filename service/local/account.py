"""Which user PostgreSQL runs as: it refuses root, and users without a name."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.local.binaries import copy_postgres
from service.local.errors import EmbeddedError

# A namespace in which we go by the number of `nobody`: no user is made and no permission changed.
NAMESPACE = ("unshare", "--user", "--map-user=65534", "--map-group=65534")


@dataclass(frozen=True)
class Account:
    """How to run PostgreSQL's programs.

    `install` is their folder, `prefix` comes before their arguments, `user` is the shim's, `owner` is the uid
    that their files belong to, seen from outside.
    """

    install: Path
    owner: int
    prefix: tuple[str, ...] = ()
    user: str = ""


def choose_account(install: Path, data_dir: Path) -> Account:
    """The account that can run PostgreSQL here and reach `data_dir`.

    Raises EmbeddedError when this user may not run it, may make no user namespace, and `nobody` cannot help.
    """
    uid = os.getuid()
    if uid != 0 and has_name(uid):
        return Account(install, uid)
    copy = data_dir / "programs"
    if runs([*NAMESPACE, "true"]):
        # Inside the namespace root's right to pass closed folders is gone.
        within_reach = runs([*NAMESPACE, str(install / "bin" / "postgres"), "--version"])
        return Account(install if within_reach else copy_postgres(install, copy), uid, NAMESPACE)
    if uid != 0:
        raise EmbeddedError(f"PostgreSQL refuses to run as user {uid}, who has no entry in /etc/passwd")
    nobody = pwd.getpwnam("nobody")
    closed = next((p for p in reversed([data_dir, *data_dir.parents]) if not p.stat().st_mode & 0o001), None)
    if closed:
        raise EmbeddedError(
            f"as root PostgreSQL has to run as the user nobody here, who may not enter {closed}: "
            "choose a data dir elsewhere, for example under /var/lib, or run as an ordinary user"
        )
    return Account(copy_postgres(install, copy), nobody.pw_uid, user=f"{nobody.pw_uid}:{nobody.pw_gid}")


def has_name(uid: int) -> bool:
    """Whether the system knows the user: initdb refuses a bare number.

    `docker run --user 12345` gives one.
    """
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def runs(argv: Sequence[str]) -> bool:
    """Whether a command can be run and succeeds."""
    try:
        return subprocess.run(argv, check=False, capture_output=True, timeout=30).returncode == 0
    except OSError:
        return False


def give(path: Path, owner: int) -> None:
    """Make `path` and all in it belong to `owner`, where we are root and it does not."""
    if os.getuid() == 0 and path.exists() and path.lstat().st_uid != owner:
        for found in [path, *path.rglob("*")]:
            os.chown(found, owner, -1, follow_symlinks=False)
