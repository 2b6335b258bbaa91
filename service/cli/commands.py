"""The commands. Those that serve replace this process with another program, which then gets all signals."""

import os
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from typer import Argument, Option

from service.cli.entry import app, fail
from service.cli.link import sign_in_url
from service.cli.up import serve
from service.local.checks import read_settings
from service.local.errors import EmbeddedError
from service.local.layout import environment_of
from service.local.prepare import make_admin_key, migrate
from service.local.programs import PYTHON, api_argv, trainer_argv, worker_argv

Host = Annotated[str, Option(help="Address to listen on. 0.0.0.0: all addresses of this machine.")]
Port = Annotated[int, Option(min=0, max=65535, help="Port to listen on.")]
DataDir = Annotated[Path, Option(help="Data directory of `tunehouse up`.")]


@app.command()
def up(
    host: Host = "127.0.0.1",
    port: Annotated[int, Option(min=0, max=65535, help="Port of the api. 0: any free port.")] = 8800,
    data_dir: DataDir = Path(".tunehouse"),
) -> None:
    """Run everything on this machine until Ctrl-C."""
    try:
        serve(data_dir, host, port)
    except EmbeddedError as error:
        fail(str(error))


@app.command()
def demo(
    keep: Annotated[bool, Option("--keep", help="Keep the demo's data for a closer look.")] = False,
) -> None:
    """Run a walkthrough of the whole service that checks every step. Takes half a minute."""
    become([*PYTHON, "service.cli.demo", *(["--keep"] if keep else [])])


@app.command(name="migrate")
def migrate_command(data_dir: DataDir = Path(".tunehouse")) -> None:
    """Update the database to the newest schema, and grant the role of api and workers its rights."""
    use_running(data_dir)
    try:
        found = read_settings()
        owner, application = found.migrate_database_url, found.direct_database_url or found.database_url
        dangers = migrate(application.get_secret_value(), owner.get_secret_value() if owner else None)
    except EmbeddedError as error:
        fail(str(error))
    typer.echo("the database is up to date")
    if dangers:
        typer.echo(
            f"warning: the role of TUNEHOUSE_DATABASE_URL {' and '.join(dangers)}, so it could rewrite the "
            "ledger and the audit log. Use a role without these rights, and name the owner in "
            "TUNEHOUSE_MIGRATE_DATABASE_URL.",
            err=True,
        )


@app.command()
def api(
    host: Host = "127.0.0.1",
    port: Port = 8800,
    processes: Annotated[int, Option(min=1, help="Number of processes; they share the port.")] = 1,
) -> None:
    """Run the HTTP api."""
    become(api_argv(host, port, processes))


@app.command()
def worker() -> None:
    """Run a worker: check files, call providers, follow jobs, send webhooks."""
    become(worker_argv())


@app.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
def trainer(
    arguments: Annotated[list[str] | None, Argument(help="See `tunehouse trainer --help`.")] = None,
) -> None:
    """Run a trainer: OpenAI's fine-tuning API on this machine. See `tunehouse trainer --help`."""
    become(trainer_argv(*(arguments or [])), reads_settings=False)


@app.command()
def admin_key(
    name: Annotated[str, Option(help="Name of the key, shown in lists.")] = "admin key",
    data_dir: DataDir = Path(".tunehouse"),
) -> None:
    """Create an admin key and print it. It is shown only once."""
    use_running(data_dir)
    try:
        read_settings()
        typer.echo(make_admin_key(name))
    except EmbeddedError as error:
        fail(str(error))


@app.command()
def link(data_dir: DataDir = Path(".tunehouse")) -> None:
    """Print a link that signs you in to the pages as an admin. It works once, for 15 minutes."""
    use_running(data_dir)
    try:
        typer.echo(sign_in_url(read_settings().public_url))
    except EmbeddedError as error:
        fail(str(error))


def use_running(data_dir: Path) -> None:
    """If the environment names no database, use the settings of the `up` that runs in `data_dir`."""
    if "TUNEHOUSE_DATABASE_URL" not in os.environ and "TUNEHOUSE_CONFIG" not in os.environ:
        for name, value in environment_of(data_dir).items():
            os.environ.setdefault(name, value)


def become(argv: list[str], *, reads_settings: bool = True) -> NoReturn:
    """Check the settings, then replace this process with `argv`."""
    try:
        if reads_settings:
            read_settings()
    except EmbeddedError as error:
        fail(str(error))
    os.execv(argv[0], argv)  # noqa: S606  an argument list, and no shell
