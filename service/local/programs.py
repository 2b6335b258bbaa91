"""The command lines of our own processes, which run as modules: this floor must not import them."""

import sys

# -P: a folder called `service` in the working directory must not be imported.
PYTHON = (sys.executable, "-P", "-m")


def api_argv(host: str, port: int, processes: int = 1) -> list[str]:
    """The api; `processes` share the port."""
    argv = [*PYTHON, "service.app.server", "--host", host, "--port", str(port)]
    return [*argv, "--processes", str(processes)]


def worker_argv() -> list[str]:
    """The worker, in Celery without gossip and heartbeats, which nothing reads.

    Celery's threads run only the service's own work; teams' work runs in lanes (see `worker.lanes`).
    """
    return [
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
        "--concurrency",
        "4",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]


def trainer_argv(*arguments: str) -> list[str]:
    """The trainer with `arguments` of its own."""
    return [*PYTHON, "trainer", *arguments]
