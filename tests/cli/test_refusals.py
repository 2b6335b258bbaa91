"""What a command refuses before it starts anything: one line on stderr, exit code 1."""

import os
from pathlib import Path

import pytest

from tests.cli.runs import run


def refusal(*arguments: str, **environment: str) -> str:
    """The one line that a command ended with."""
    ended = run(*arguments, **environment)
    assert ended.returncode == 1, ended
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    return lines[0]


def test_a_data_dir_of_another_version(tmp_path: Path) -> None:
    (tmp_path / "layout").write_text("7\n")
    assert "has layout 7" in refusal("up", "--port", "0", "--data-dir", str(tmp_path))


def test_a_folder_that_is_no_data_dir(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    assert "is not a Tunehouse data directory" in refusal("up", "--port", "0", "--data-dir", str(tmp_path))


def test_a_data_dir_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = refusal("up", "--port", "0", "--data-dir", str(tmp_path / "file" / "data"))
    assert "cannot create the data directory" in said


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "Permission denied" in refusal("up", "--port", "0", "--data-dir", str(tmp_path / "data"))


def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    said = refusal("up", "--host", "192.0.2.1", "--port", "8801", "--data-dir", str(tmp_path / "data"))
    assert "cannot listen on 192.0.2.1:8801" in said


def test_a_malformed_setting_is_named_without_its_value(tmp_path: Path) -> None:
    said = refusal("up", "--port", "0", "--data-dir", str(tmp_path / "data"), TUNEHOUSE_LEASE_S="hunter2")
    assert said.startswith("tunehouse: TUNEHOUSE_LEASE_S: ")
    assert "hunter2" not in said


@pytest.mark.parametrize("command", ["api", "worker", "migrate", "admin-key"])
def test_every_command_names_a_malformed_setting(command: str) -> None:
    assert "TUNEHOUSE_POLL_INTERVAL_S" in refusal(command, TUNEHOUSE_POLL_INTERVAL_S="often")


def test_a_database_that_does_not_answer() -> None:
    url = "postgresql+psycopg://nobody:hidden@127.0.0.1:1/none"
    said = refusal("migrate", TUNEHOUSE_DATABASE_URL=url)
    assert "the database cannot be migrated" in said
    assert "hidden" not in said
