"""Run a program that dies with the process that started it.

Called by `processes.spawn` as `shim.py PARENT_PID SIGNAL USER PROGRAM [ARGUMENT…]`; the program replaces it.
USER is empty or `uid:gid`. On Linux the kernel sends SIGNAL (0: none) when the parent dies; elsewhere the
pid-file sweep of the next start does that work. Standard library only: it runs with `python -I -S`.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(parent_pid: int, death_signal: int, user: str, argv: list[str]) -> None:
    """Drop to `user`, ask for `death_signal`, and become `argv`."""
    # The C library is loaded first: afterwards `user` may not be able to read this Python.
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if user:
        uid, gid = (int(part) for part in user.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After the change of user, which would clear it.
    if libc is not None and death_signal:
        libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent_pid:
            sys.exit(1)  # the parent was gone before we asked
    os.execvp(argv[0], argv)  # noqa: S606  an argument list, and no shell


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
