"""Write metrics out in Prometheus's text format, also where several processes share a port."""

import os
import tempfile
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

__all__ = ["CONTENT_TYPE_LATEST", "share_between_processes", "written"]

# prometheus_client reads this variable when it is imported, and then keeps values in files of that folder.
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def share_between_processes() -> None:
    """Let the processes that this one starts share their metrics."""
    os.environ.setdefault(_FOLDER, tempfile.mkdtemp(prefix="tunehouse-metrics-"))


def written() -> bytes:
    """Return the metrics of this process, or the sum of all processes that share them."""
    folder = os.environ.get(_FOLDER)
    if folder is None:
        return generate_latest()
    for file in Path(folder).glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not _is_alive(pid):
            mark_process_dead(pid)  # type: ignore[no-untyped-call]  # prometheus_client lacks its types
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # registers itself
    return generate_latest(registry)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs as another user
        pass
    return True
