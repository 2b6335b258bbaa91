"""No server outlives the process that started it, under any user and however that process ends."""

import os
import sys
from pathlib import Path

import psycopg
import pytest

from service.local.valkey import ValkeyServer
from tests.local.holding import ROOT, Holder, is_alive, libpq, recorded_pid
from tests.support.waiting import wait_until

ORDINARY_UID = 65534
NAMELESS_UID = 54321

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start sweeps")
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become someone else")


@linux
@pytest.mark.parametrize("kind", ["postgres", "valkey"])
def test_a_killed_parent_takes_its_server_along(kind: str, tmp_path: Path) -> None:
    holder = Holder(kind, tmp_path)
    pid = recorded_pid(tmp_path / f"{kind}.pid")
    holder.kill()
    wait_until(lambda: not is_alive(pid))


@pytest.mark.parametrize("kind", ["postgres", "valkey"])
def test_the_next_start_after_a_kill_serves(kind: str, tmp_path: Path) -> None:
    Holder(kind, tmp_path).kill()
    with Holder(kind, tmp_path) as again:
        assert again.url


def test_a_stop_leaves_neither_process_nor_socket(tmp_path: Path) -> None:
    holder = Holder("postgres", tmp_path)
    pid = recorded_pid(tmp_path / "postgres.pid")
    holder.finish()
    assert not is_alive(pid)
    assert not Path(holder.url.partition("host=")[2]).exists()


def test_a_valkey_left_by_a_kill_is_swept_by_the_next_start(tmp_path: Path) -> None:
    left = ValkeyServer(tmp_path)
    left.start()
    pid = recorded_pid(left.pid_file)
    assert left._lock
    left._lock.close()  # what the kernel does for a killed process
    found = ValkeyServer(tmp_path)
    found.start()
    assert not is_alive(pid)
    found.stop()
    left.stop()


@as_root
def test_root_without_user_namespaces_runs_it_as_nobody(no_namespaces: Path, tmp_path: Path) -> None:
    data_dir = open_to_others(tmp_path) / "data"
    holder = Holder("postgres", data_dir, path_first=no_namespaces)
    assert holder.url, holder.finish()
    pid = recorded_pid(data_dir / "postgres.pid")
    assert Path(f"/proc/{pid}").stat().st_uid == ORDINARY_UID
    holder.kill()
    wait_until(lambda: not is_alive(pid))


@as_root
def test_a_cluster_of_nobody_serves_root_in_a_namespace_later(no_namespaces: Path, tmp_path: Path) -> None:
    data_dir = open_to_others(tmp_path) / "data"
    Holder("postgres", data_dir, path_first=no_namespaces).finish()
    with Holder("postgres", data_dir) as holder:
        psycopg.connect(libpq(holder.url)).close()


@as_root
def test_a_folder_closed_to_nobody_is_named(no_namespaces: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    holder = Holder("postgres", closed / "data", path_first=no_namespaces)
    assert not holder.url
    assert "may not enter" in holder.finish()


@as_root
@linux
@pytest.mark.parametrize("uid", [ORDINARY_UID, NAMELESS_UID])
def test_an_ordinary_user_runs_it_too(uid: int, tmp_path: Path) -> None:
    reached = (ROOT, Path(sys.executable).resolve())
    if not all(folder.stat().st_mode & 0o001 for path in reached for folder in path.parents):
        pytest.skip("this checkout or its Python is closed to other users")
    data_dir = open_to_others(tmp_path) / "data"
    data_dir.mkdir()
    os.chown(data_dir, uid, uid)
    holder = Holder("postgres", data_dir, uid=uid)
    assert holder.url, holder.finish()
    pid = recorded_pid(data_dir / "postgres.pid")
    holder.kill()
    wait_until(lambda: not is_alive(pid))


def open_to_others(folder: Path) -> Path:
    """`folder`, entered by anyone: pytest closes its own."""
    for each in (folder, *folder.parents):
        if each.stat().st_uid == os.getuid() and each != Path("/"):
            each.chmod(each.stat().st_mode | 0o011)
    return folder
