"""The embedded PostgreSQL: starting, stopping, and what it refuses."""

import os
from pathlib import Path

import psycopg
import pytest

from service.local.errors import EmbeddedError
from service.local.files import free_port
from service.local.postgres import PostgresServer
from tests.local.holding import libpq


def test_a_new_database_answers_at_its_url(server: PostgresServer) -> None:
    url = server.create_database("fresh")
    with psycopg.connect(libpq(url)) as connection:
        row = connection.execute("SELECT current_database(), current_setting('server_encoding')").fetchone()
    assert row == ("fresh", "UTF8")


def test_a_database_copied_from_a_template_has_its_tables(server: PostgresServer) -> None:
    with psycopg.connect(libpq(server.create_database("original"))) as connection:
        connection.execute("CREATE TABLE kept (word text)")
    with psycopg.connect(libpq(server.create_database("copied", template="original"))) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_a_wrong_password_is_refused(server: PostgresServer) -> None:
    password = (server.data_dir / "password").read_text()
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(libpq(server.url()).replace(password, "guess"))


def test_password_and_socket_are_for_the_owner_alone(server: PostgresServer) -> None:
    socket_folder = Path(server.url().partition("host=")[2])
    assert (server.data_dir / "password").stat().st_mode & 0o077 == 0
    assert socket_folder.stat().st_mode & 0o077 == 0


def test_a_live_data_dir_takes_no_second_server(server: PostgresServer) -> None:
    with pytest.raises(EmbeddedError, match="in use by another process"):
        PostgresServer(server.data_dir).start()
    assert server.running()


def test_data_is_there_after_a_restart_on_another_port(tmp_path: Path) -> None:
    first = PostgresServer(tmp_path / "data", durable=False)
    with psycopg.connect(libpq(first.start())) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    first.stop()
    second = PostgresServer(tmp_path / "data", port=free_port(), durable=False)
    with psycopg.connect(libpq(second.start())) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    second.stop()


def test_a_long_data_dir_is_no_problem_for_the_socket(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / ("long" * 30) / ("longer" * 20), durable=False)
    psycopg.connect(libpq(server.start())).close()
    server.stop()


def test_a_cluster_of_another_major_is_refused_in_one_line(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path, durable=False)
    server.start()
    server.stop()
    (server.cluster / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedError, match=r"written by PostgreSQL 15, and this is PostgreSQL \d+"):
        server.start()
    server.stop()


def test_a_pid_file_whose_pid_belongs_to_another_program_does_not_stop_it(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path, durable=False)
    server.start()
    server.stop()
    (server.cluster / "postmaster.pid").write_text(f"{os.getppid()}\n{server.cluster}\n1\n5432\n\n\n\n\n")
    server.start()
    assert server.running()
    server.stop()


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / "cluster.part"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    server = PostgresServer(tmp_path, durable=False)
    server.start()
    assert not half.exists()
    server.stop()
