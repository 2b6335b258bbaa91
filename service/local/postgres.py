"""A PostgreSQL server from a Python wheel."""

import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from service.local.account import PostgresUser, choose_account, give
from service.local.binaries import postgres_install
from service.local.errors import EmbeddedError
from service.local.files import kept_secret, lock, socket_folder
from service.local.processes import command_line, end, last_lines, spawn, started, sweep, wait_until

USER = "tunehouse"  # the superuser, for actions on the whole server
OWNER = "tunehouse_owner"  # owns the tables, runs migrations
APPLICATION = "tunehouse_app"  # used by api and workers; can append to history, not change it
SOCKET_PORT = 5432  # only part of the socket's name unless a TCP port is given
# The caller's environment (PGDATA, PGPORT, a locale) must not change how the server behaves.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresServer:
    """PostgreSQL on a Unix socket, and also on 127.0.0.1 if `port` is given; always with a password.

    `data_dir` is created if necessary and contains all files. `durable=False` is for tests: a crash of the
    machine, but not of a process, can lose data. `settings` are further lines of postgresql.conf.
    """

    name = "postgres"

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        *,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port
        self.settings = {"max_connections": "200"} | ({} if durable else UNSAFE) | dict(settings or {})
        self.log = log or self.data_dir / "postgres.log"
        self.pid_file = self.data_dir / "postgres.pid"
        self.cluster = self.data_dir / "cluster"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[bytes] | None = None

    def start(self, timeout_s: float = 60.0) -> str:
        """Stop what a killed run left behind, start, and return the SQLAlchemy URL of a superuser.

        Raises EmbeddedError.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._lock = self._lock or lock(self.data_dir / "lock", f"the database in {self.data_dir}")
        sweep(self.pid_file, signal.SIGINT)
        account = choose_account(postgres_install(), self.data_dir)
        give(self.cluster, account.owner)
        if not self.cluster.exists():
            self._create(account)
        self._check_version(account)
        self._drop_stale_pid()
        self._sockets = socket_folder(self.data_dir, account.owner)
        options = self.settings | {
            "unix_socket_directories": str(self._sockets),
            "listen_addresses": "127.0.0.1" if self.port else "",
            "port": str(self.port or SOCKET_PORT),
        }
        argv = [*account.prefix, str(account.install / "bin" / "postgres"), "-D", str(self.cluster)]
        argv += [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        self._process = spawn(
            argv,
            pid_file=self.pid_file,
            log=self.log,
            env=ENVIRONMENT,
            death_signal=signal.SIGINT,
            user=account.user,
        )
        self._await_ready(timeout_s)
        return self.url()

    def stop(self) -> None:
        """End all sessions and stop (PostgreSQL's fast shutdown); safe to call twice."""
        if self._process:
            end(self._process, signal.SIGINT, timeout_s=15)
            self._process = None
            self.pid_file.unlink(missing_ok=True)
            shutil.rmtree(self._sockets, ignore_errors=True)
        if self._lock:
            self._lock.close()
            self._lock = None

    def running(self) -> bool:
        """Whether the server process is running."""
        return self._process is not None and self._process.poll() is None

    def url(self, database: str = "postgres", role: str = USER) -> str:
        """The SQLAlchemy URL of `database`, which need not exist yet."""
        where = f"127.0.0.1:{self.port}/{database}" if self.port else f"/{database}?host={self._sockets}"
        return f"postgresql+psycopg://{role}:{self._password(role)}@{where}"

    def create_owned_database(self, name: str) -> tuple[str, str]:
        """Create a database with an owner unless it exists; returns the URLs of owner and application."""
        with self._connect(autocommit=True) as connection:
            for role in (OWNER, APPLICATION):
                known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone()
                verb = sql.SQL("CREATE" if known is None else "ALTER")
                statement = sql.SQL("{} ROLE {} LOGIN NOSUPERUSER PASSWORD {}")
                connection.execute(statement.format(verb, sql.Identifier(role), self._password(role)))
        if not self.has_database(name):
            self.create_database(name, owner=OWNER)
        return self.url(name, OWNER), self.url(name, APPLICATION)

    def create_database(self, name: str, template: str | None = None, owner: str = USER) -> str:
        """Create a database, empty or as a copy of the unused `template`, and return its URL.

        Raises psycopg's `DuplicateDatabase` when the name is taken.
        """
        made = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner))
        if template:
            # Copies files instead of writing every page to the write-ahead log: 30 ms for a small database.
            made += sql.SQL(" TEMPLATE {} STRATEGY file_copy").format(sql.Identifier(template))
        with self._connect(autocommit=True) as connection:
            connection.execute(made)
        return self.url(name)

    def has_database(self, name: str) -> bool:
        """Whether a database of that name exists."""
        with self._connect() as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            return found.fetchone() is not None

    def _connect(self, autocommit: bool = False) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._sockets),
            port=self.port or SOCKET_PORT,
            user=USER,
            password=self._password(),
            dbname="postgres",
            connect_timeout=5,
            autocommit=autocommit,
        )

    def _password(self, role: str = USER) -> str:
        return kept_secret(self.data_dir / ("password" if role == USER else f"password-{role}"))

    def _create(self, account: PostgresUser) -> None:
        """Create the cluster under another name, then rename it, so that a kill leaves no partial cluster."""
        part = self.data_dir / "cluster.part"
        if part.exists():
            shutil.rmtree(part)
        self._password()
        # initdb may run as another user, who cannot read the original file.
        passed_on = self.data_dir / "password.initdb"
        shutil.copyfile(self.data_dir / "password", passed_on)
        passed_on.chmod(0o600)
        part.mkdir(mode=0o700)
        give(part, account.owner)
        give(passed_on, account.owner)
        argv = [*account.prefix, str(account.install / "bin" / "initdb"), "-D", str(part), "-U", USER]
        argv += ["-A", "scram-sha-256", f"--pwfile={passed_on}", "-E", "UTF8", "--no-locale"]
        pid_file = self.data_dir / "initdb.pid"
        sweep(pid_file, signal.SIGTERM)
        made = spawn(argv, pid_file=pid_file, log=self.log, env=ENVIRONMENT, user=account.user)
        code = made.wait()
        pid_file.unlink()
        passed_on.unlink()
        if code:
            raise EmbeddedError(f"PostgreSQL could not create {self.cluster}: {last_lines(self.log)}")
        part.replace(self.cluster)

    def _check_version(self, account: PostgresUser) -> None:
        shown = subprocess.run(
            [*account.prefix, str(account.install / "bin" / "postgres"), "--version"],
            check=True,
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
        ).stdout
        ours = re.search(r"\d+", shown)
        theirs = (self.cluster / "PG_VERSION").read_text().strip()
        if ours and theirs != ours[0]:
            raise EmbeddedError(
                f"{self.cluster} was written by PostgreSQL {theirs}, and this is PostgreSQL {ours[0]}: "
                f"dump it with the old version and restore it, or choose another data directory"
            )

    def _drop_stale_pid(self) -> None:
        """Remove PostgreSQL's pid file if another program has the pid; PostgreSQL would not start."""
        stale = self.cluster / "postmaster.pid"
        if stale.exists():
            pid = int(stale.read_text().split("\n", 1)[0])
            if started(pid) and str(self.cluster) not in command_line(pid):
                stale.unlink()

    def _await_ready(self, timeout_s: float) -> None:
        def answers() -> bool:
            if not self.running():
                return True  # stop waiting; the check below reports it
            try:
                self._connect().close()
            except psycopg.OperationalError:
                return False
            return True

        ready = wait_until(answers, timeout_s)
        if not ready or not self.running():
            self.stop()
            raise EmbeddedError(f"PostgreSQL did not start: {last_lines(self.log)}")
