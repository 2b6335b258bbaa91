"""The command: start everything in a folder of its own, tell the story, stop everything."""

import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from service.cli.demo.receiver import receiving
from service.cli.demo.screen import Screen, StoryBroken
from service.cli.demo.story import tell
from service.embedded.errors import EmbeddedError
from service.embedded.stack import Stack

_POLL_INTERVAL_S = "1"


def run(keep: bool) -> int:
    """Tell the story against a service started for it; the exit code.

    With `keep` the data stays in a folder whose `tunehouse up` command is printed.
    """
    console = Console(highlight=False)
    for sign in (signal.SIGTERM, signal.SIGHUP):
        # An exit runs the `with` blocks below; the signal's default would leave everything running.
        signal.signal(sign, lambda number, _: sys.exit(128 + number))
    started = time.monotonic()
    admin_key = f"th-{secrets.token_urlsafe(32)}"
    _isolate(admin_key)
    folder = Path(tempfile.mkdtemp(prefix="tunehouse-demo-"))
    try:
        with Stack(folder, report=console.print) as stack, receiving() as receiver:
            console.print(f"Starting PostgreSQL, Valkey, trainer, api and worker in {folder} …")
            if not stack.start():
                return 1
            console.print(f"Serving at {stack.url} after {time.monotonic() - started:.1f} s.")
            tell(stack.url, admin_key, receiver, Screen(console))
    except (StoryBroken, EmbeddedError) as failure:
        console.print(f"\n✗ {failure}", style="bold red", markup=False)
        return 1
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    console.print(f"\nAll of it held, and all of it is stopped again: {time.monotonic() - started:.1f} s.")
    if keep:
        console.print(f"Look around with: TUNEHOUSE_ADMIN_KEY={admin_key} tunehouse up --data-dir {folder}")
    return 0


def _isolate(admin_key: str) -> None:
    """Forget the settings of this shell, lest the story be told to a company's real database."""
    for name in [name for name in os.environ if name.startswith("TUNEHOUSE_")]:
        del os.environ[name]
    os.environ["TUNEHOUSE_ADMIN_KEY"] = admin_key
    os.environ["TUNEHOUSE_POLL_INTERVAL_S"] = _POLL_INTERVAL_S
