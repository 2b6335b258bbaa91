"""The command: start everything in a folder of its own, tell the story, stop everything."""

import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import httpx2
from openai import OpenAIError
from rich.console import Console

from service.cli.demo.receiver import receiving
from service.cli.demo.screen import Screen, StoryBroken
from service.cli.demo.story import tell
from service.local.errors import EmbeddedError
from service.local.stack import Stack

_POLL_INTERVAL_S = "1"
_WIDTH_OF_LOGS = 140


def run(keep: bool) -> int:
    """Tell the story against a service started for it; the exit code.

    The data and logs go into a new folder, which is removed at the end unless something failed or `keep`
    is set.
    """
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_LOGS)
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # An exit runs the `with` blocks below; the signal's default would leave everything running.
        signal.signal(sign, lambda number, _: sys.exit(128 + number))
    admin_key = f"th-{secrets.token_urlsafe(32)}"
    _isolate(admin_key)
    folder = Path(tempfile.mkdtemp(prefix="tunehouse-demo-"))
    started = time.monotonic()
    try:
        _perform(folder, admin_key, console)
    except (StoryBroken, EmbeddedError, OpenAIError, httpx2.HTTPError) as failure:
        keep = True
        console.print(f"\n✗ {failure}", style="bold red", markup=False)
        console.print(f"The logs are in {folder / 'logs'}.")
        return 1
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    took_s = time.monotonic() - started
    console.print(f"\nAll of it held, and all of it is stopped again, after {took_s:.1f} s.")
    if keep:
        console.print("Look around with:")
        console.print(f"  TUNEHOUSE_ADMIN_KEY={admin_key} tunehouse up --data-dir {folder}", soft_wrap=True)
    return 0


def _perform(folder: Path, admin_key: str, console: Console) -> None:
    """Start, tell, stop."""
    started = time.monotonic()
    console.print("Starting PostgreSQL, Valkey, a sandbox trainer, the api and a worker …")
    with Stack(folder, report=console.print) as stack, receiving() as receiver:
        if stack.start():
            console.print(f"Serving at {stack.url} after {time.monotonic() - started:.1f} s.")
            tell(stack.url, admin_key, receiver, Screen(console))


def _isolate(admin_key: str) -> None:
    """Forget the settings of this shell, lest the story be told to a company's real database."""
    for name in [name for name in os.environ if name.startswith("TUNEHOUSE_")]:
        del os.environ[name]
    os.environ["TUNEHOUSE_ADMIN_KEY"] = admin_key
    os.environ["TUNEHOUSE_POLL_INTERVAL_S"] = _POLL_INTERVAL_S
    # The demo's own webhook receiver listens on this machine.
    os.environ["TUNEHOUSE_WEBHOOK_ALLOWED_NETWORKS"] = '["127.0.0.1/32"]'
