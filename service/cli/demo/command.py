"""The command: start everything in a temporary folder, run the walkthrough, stop everything."""

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
from service.cli.demo.screen import DemoFailed, Screen
from service.cli.demo.story import run_story
from service.local.errors import EmbeddedError
from service.local.stack import Stack

_POLL_INTERVAL_S = "1"
_WIDTH_OF_LOGS = 140


def run(keep: bool) -> int:
    """Start a service, run the walkthrough against it, and return the exit status.

    Data and logs go into a new folder, which is removed at the end unless a step failed or `keep` is set.
    """
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_LOGS)
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Exit, so that the `with` blocks below stop everything; the signal's default would not run them.
        signal.signal(sign, lambda number, _: sys.exit(128 + number))
    admin_key = f"th-{secrets.token_urlsafe(32)}"
    _isolate(admin_key)
    folder = Path(tempfile.mkdtemp(prefix="tunehouse-demo-"))
    started = time.monotonic()
    try:
        _perform(folder, admin_key, console)
    except (DemoFailed, EmbeddedError, OpenAIError, httpx2.HTTPError) as failure:
        keep = True
        console.print(f"\n✗ {failure}", style="bold red", markup=False)
        console.print(f"The logs are in {folder / 'logs'}.")
        return 1
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    took_s = time.monotonic() - started
    console.print(f"\nAll checks passed, and everything has been stopped, after {took_s:.1f} s.")
    if keep:
        console.print("To look around, run:")
        console.print(f"  TUNEHOUSE_ADMIN_KEY={admin_key} tunehouse up --data-dir {folder}", soft_wrap=True)
        console.print("It prints a link to the pages, at http://127.0.0.1:8800.")
    return 0


def _perform(folder: Path, admin_key: str, console: Console) -> None:
    """Start everything, run the walkthrough, stop everything."""
    started = time.monotonic()
    console.print("Starting PostgreSQL, Valkey, a sandbox trainer, the api and a worker …")
    with Stack(folder, report=console.print) as stack, receiving() as receiver:
        if stack.start():
            console.print(f"Ready at {stack.url} after {time.monotonic() - started:.1f} s.")
            run_story(stack.url, admin_key, receiver, Screen(console))


def _isolate(admin_key: str) -> None:
    """Remove the shell's settings, so that the demo never runs against a real database."""
    for name in [name for name in os.environ if name.startswith("TUNEHOUSE_")]:
        del os.environ[name]
    os.environ["TUNEHOUSE_ADMIN_KEY"] = admin_key
    os.environ["TUNEHOUSE_POLL_INTERVAL_S"] = _POLL_INTERVAL_S
    # The demo's own webhook receiver listens on this machine.
    os.environ["TUNEHOUSE_WEBHOOK_ALLOWED_NETWORKS"] = '["127.0.0.1/32"]'
