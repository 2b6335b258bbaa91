"""Debian's servers, each as a process of the test's own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest
from redis import Redis as Client
from redis.exceptions import RedisError

from tests.support.processes import ROOT, Process, free_port
from tests.support.waiting import wait_until

_PATH = ":".join(
    [os.environ.get("PATH", ""), "/usr/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
)


def program(name: str) -> str:
    """The path of an installed program; skips the test where it is not installed."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        pytest.skip(f"{name} is not installed; .ci/install-operations installs it")
    return found


class Redis(Process):
    """A Redis server, or a Sentinel, with lines of configuration."""

    def __init__(self, folder: Path, lines: Sequence[str] = (), *, is_sentinel: bool = False) -> None:
        self.port = free_port()
        self.folder = folder
        self.lines = list(lines)
        self.is_sentinel = is_sentinel
        super().__init__(f"redis-{self.port}", [], {}, folder)

    def start(self) -> None:
        """Start it; `client` says when it answers."""
        place = self.folder / self.name
        place.mkdir(exist_ok=True)
        config = place / "redis.conf"
        port = [] if any(line.startswith("tls-port") for line in self.lines) else [f"port {self.port}"]
        if not config.exists():  # a Sentinel keeps its state in it
            lines = ["bind 127.0.0.1", f"dir {place}", *port, *self.lines]
            config.write_text("\n".join(lines if self.is_sentinel else [*lines, 'save ""']) + "\n")
        self.argv = [program("redis-server"), str(config), *(["--sentinel"] if self.is_sentinel else [])]
        super().start()

    def wait(self, **options: object) -> None:
        """Wait until it answers a client with these options."""

        def answers() -> bool:
            self.check_alive()
            with Client(port=self.port, **options) as client:  # type: ignore[arg-type]
                try:
                    return bool(client.ping())
                except RedisError:
                    return False

        wait_until(answers)

    def freeze(self) -> None:
        """Stop it from running, so that it takes connections and never answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it, even if it is frozen."""
        self.kill()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    certificate, key = folder / "server.crt", folder / "server.key"
    subprocess.run(
        [
            *(
                program("openssl"),
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
            ),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-out", str(certificate), "-keyout", str(key)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


class Postgres(Process):
    """Debian's PostgreSQL, with an owner and an application role as in production."""

    def __init__(self, folder: Path, lines: Sequence[str] = ()) -> None:
        self.port = free_port()
        # Not in pytest's folder, which only its own user may enter.
        self.cluster = Path(tempfile.mkdtemp(prefix="tunehouse-postgres-"))
        self.lines = lines
        super().__init__("postgres", [], {}, folder)

    def start(self) -> None:
        """Create the cluster if there is none, start it, and wait until it answers."""
        # PostgreSQL refuses to run as root.
        user = "--reuid=nobody", "--regid=nogroup", "--clear-groups"
        as_user = ["setpriv", *user] if os.getuid() == 0 else []
        if not any(self.cluster.iterdir()):
            if as_user:
                shutil.chown(self.cluster, "nobody", "nogroup")
            initdb = [program("initdb"), "-D", str(self.cluster), "-U", "postgres"]
            options = ["--auth", "trust", "--no-sync"]
            subprocess.run([*as_user, *initdb, *options], check=True, capture_output=True, cwd="/")
        options = ["listen_addresses=127.0.0.1", f"port={self.port}", "unix_socket_directories="]
        words = [word for option in [*options, "fsync=off", *self.lines] for word in ("-c", option)]
        self.argv = [*as_user, program("postgres"), "-D", str(self.cluster), *words]
        super().start()
        wait_until(self._answers)

    def stop(self) -> None:
        """End all sessions and stop."""
        self._end(signal.SIGINT)

    def remove(self) -> None:
        """Stop, and delete the cluster."""
        self.stop()
        shutil.rmtree(self.cluster, ignore_errors=True)

    def url(self, database: str = "postgres", role: str = "postgres") -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://{role}:secret@127.0.0.1:{self.port}/{database}"

    def make_database(self) -> None:
        """Create the database `tunehouse` and its roles, with the statements that the docs name."""
        with psycopg.connect(self.url().replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE ROLE tunehouse_owner LOGIN NOSUPERUSER PASSWORD 'secret'")
            connection.execute("CREATE ROLE tunehouse_app LOGIN NOSUPERUSER PASSWORD 'secret'")
            connection.execute("CREATE DATABASE tunehouse OWNER tunehouse_owner")

    def _answers(self) -> bool:
        self.check_alive()
        try:
            psycopg.connect(self.url().replace("+psycopg", "")).close()
        except psycopg.OperationalError:
            return False
        return True


class Haproxy(Process):
    """haproxy with the configuration that we ship, in front of two apis."""

    def __init__(self, folder: Path, apis: Sequence[str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        places = {"BALANCER": f"127.0.0.1:{self.port}", "API_1": apis[0], "API_2": apis[1]}
        argv = [program("haproxy"), "-f", str(ROOT / "deploy" / "haproxy" / "haproxy.cfg")]
        env = {f"TUNEHOUSE_{name}": place for name, place in places.items()}
        super().__init__("haproxy", argv, env, folder)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        super().start()
        wait_until(self._listens)

    def stop(self) -> None:
        """End it at once."""
        self.kill()

    def _listens(self) -> bool:
        self.check_alive()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class PgBouncer(Process):
    """pgbouncer in transaction mode before a PostgreSQL."""

    def __init__(self, folder: Path, postgres: Postgres, *, ignored: str = "") -> None:
        self.port = free_port()
        self.postgres = postgres
        self.ignored = ignored
        super().__init__("pgbouncer", [], {}, folder)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        folder = self.log_path.parent
        (folder / "users.txt").write_text('"tunehouse_app" "secret"\n')
        (folder / "pgbouncer.ini").write_text(f"""[databases]
* = host=127.0.0.1 port={self.postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = plain
auth_file = {folder / "users.txt"}
pool_mode = transaction
default_pool_size = 4
max_client_conn = 500
ignore_startup_parameters = {self.ignored}
""")
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        self.argv = [program("pgbouncer"), *user, str(folder / "pgbouncer.ini")]
        super().start()
        wait_until(self._listens)

    def url(self) -> str:
        """The SQLAlchemy URL of the database `tunehouse` as the application's role."""
        return f"postgresql+psycopg://tunehouse_app:secret@127.0.0.1:{self.port}/tunehouse"

    def _listens(self) -> bool:
        self.check_alive()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
