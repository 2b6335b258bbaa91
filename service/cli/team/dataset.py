"""A dataset that a command names: a path, which is uploaded, or the id of a file."""

from pathlib import Path

from rich.progress import Progress

from service.cli.team.service_of import screen
from service.client import FileInfo, Tunehouse


def checked_file(tunehouse: Tunehouse, name: str) -> FileInfo:
    """Return the file once it has been checked; a path is uploaded first.

    Raises `CallFailed`, or `OSError` if the path cannot be read.
    """
    found = _find(tunehouse, name)
    with screen.status(f"checking {found.id}"):
        return tunehouse.wait_for_check(found.id)


def _find(tunehouse: Tunehouse, name: str) -> FileInfo:
    path = Path(name)
    if name.startswith("file-") and not path.exists():
        return tunehouse.file(name)
    with Progress(console=screen, transient=True) as progress, path.open("rb") as opened:
        read = progress.wrap_file(opened, total=path.stat().st_size, description=f"uploading {path.name}")
        return tunehouse.upload(read, path.name)
