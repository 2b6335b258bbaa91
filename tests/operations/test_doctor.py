"""`tunehouse doctor` names what is wrong and what to do, and exits accordingly."""

from pathlib import Path

import pytest

from tests.cli.runs import run
from tests.support.processes import Api, Worker

HEALTHY = [
    "settings",
    "database and schema",
    "storage",
    "broker",
    "provider trainer",
    "provider openai",
    "clock",
]


def examined(environment: dict[str, str], tmp_path: Path, **changes: str) -> tuple[int, dict[str, str]]:
    """The exit status, and the lines by the beginning of what each is about."""
    settings = {name: value for name, value in environment.items() if name.startswith("TUNEHOUSE_")}
    ended = run("doctor", "--data-dir", str(tmp_path), **(settings | changes))
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.returncode, {line[8:].partition(":")[0]: line for line in ended.stdout.splitlines()}


@pytest.mark.usefixtures("api_process", "worker_process")
def test_a_healthy_installation_passes(
    providers_environment: dict[str, str], api_process: Api, worker_process: Worker, tmp_path: Path
) -> None:
    status, lines = examined(providers_environment, tmp_path, TUNEHOUSE_PUBLIC_URL=api_process.url)
    assert status == 0, lines
    assert all(lines[subject].startswith("ok") for subject in [*HEALTHY, "workers"])


@pytest.mark.parametrize(
    ("changes", "subject", "advice", "expected"),
    [
        ({"TUNEHOUSE_DB_POL_SIZE": "1"}, "settings", "Did you mean TUNEHOUSE_DB_POOL_SIZE?", 1),
        (
            {"TUNEHOUSE_DATABASE_URL": "postgresql+psycopg://127.0.0.1:1/x"},
            "database and schema",
            "Check that PostgreSQL is running.",
            1,
        ),
        ({"TUNEHOUSE_STORAGE_URL": "file:///proc/tunehouse"}, "storage", "FAILS", 1),
        ({"TUNEHOUSE_REDIS_URL": "redis://127.0.0.1:1/0"}, "broker", "Check TUNEHOUSE_REDIS_URL", 0),
        ({"TUNEHOUSE_PROVIDERS": "[]"}, "providers", "Set TUNEHOUSE_PROVIDERS", 1),
        ({"TUNEHOUSE_PUBLIC_URL": "http://127.0.0.1:1"}, "public URL http", "Check TUNEHOUSE_PUBLIC_URL", 0),
    ],
)
def test_each_trouble_is_named_with_its_remedy(
    changes: dict[str, str],
    subject: str,
    advice: str,
    expected: int,
    providers_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    status, lines = examined(providers_environment, tmp_path, **changes)
    assert (status, advice in lines[subject]) == (expected, True), lines
