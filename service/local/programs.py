"""The command lines of our own processes. They run as modules, because this layer imports none of them."""

import sys

# -P: a folder called `service` in the working directory must not be imported.
PYTHON = (sys.executable, "-P", "-m")


def api_argv(host: str, port: int, processes: int = 1) -> list[str]:
    """The api on a port that `processes` share."""
    argv = [*PYTHON, "service.app.server", "--host", host, "--port", str(port)]
    return [*argv, "--processes", str(processes)]


def worker_argv(concurrency: int) -> list[str]:
    """Celery with the worker; without the gossip and heartbeats that nothing here reads."""
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
