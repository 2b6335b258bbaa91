"""The command lines of our own processes. They are run as modules: this floor imports none of them."""

import sys
from pathlib import Path

# -P keeps a folder of the working directory that happens to be called `service` from being imported.
PYTHON = (sys.executable, "-P", "-m")
# uvicorn's own formats would stand between lines of JSON; with no handlers of its own, ours get its records.
_UVICORN_LOGS = str(Path(__file__).parents[1] / "app" / "uvicorn-logs.json")


def api_argv(host: str, port: int, processes: int = 1) -> list[str]:
    """uvicorn with the api; open event streams get 3 s to end at a stop."""
    argv = [*PYTHON, "uvicorn", "--factory", "service.app:create_app", "--host", host, "--port", str(port)]
    argv += ["--workers", str(processes)] if processes > 1 else []
    argv += ["--log-config", _UVICORN_LOGS]
    return [*argv, "--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "3"]


def worker_argv(concurrency: int) -> list[str]:
    """Celery with the worker; what its gossip and heartbeats would tell, nobody reads."""
    argv = [
        *PYTHON,
        "celery",
        "-A",
        "worker.app:app",
        "--quiet",
        "worker",
        "--pool",
        "threads",
        "--loglevel",
        "INFO",
    ]
    return [
        *argv,
        "--concurrency",
        str(concurrency),
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]


def trainer_argv(*arguments: str) -> list[str]:
    """The trainer with `arguments` of its own."""
    return [*PYTHON, "trainer", *arguments]
