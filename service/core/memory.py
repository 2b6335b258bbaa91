"""Have the C library return freed memory to the system, so that a process shrinks after a large answer.

glibc gives threads heaps of their own, and once it has freed a large block it keeps blocks of up to 32 MB in
them. A worker that had read some large answers kept 70 MB more than it used. Other C libraries ignore it.
"""

import ctypes

# mallopt(3)
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_LARGE_BYTES = 256 * 1024
_HEAPS = 2


def return_freed_memory() -> None:
    """Map blocks of 256 KiB and more on their own, and share two heaps between all threads."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_M_ARENA_MAX, _HEAPS)
