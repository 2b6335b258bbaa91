"""The command `python -m trainer`. Options can be environment variables; the two secrets must be."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from trainer.dialect import DIALECTS
from trainer.engines import BASES, ENGINES
from trainer.server import CannotStartError, serve
from trainer.settings import SANDBOX_BASES, TrainerSettings

_ENV = "TUNEHOUSE_TRAINER_"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    host: Annotated[str, Option(envvar=_ENV + "HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Option(envvar=_ENV + "PORT", min=0, max=65535, help="Port; 0 picks one.")] = 8900,
    data_dir: Annotated[
        Path, Option(envvar=_ENV + "DATA_DIR", help="The data directory; not shared with another trainer.")
    ] = Path(".tunehouse/trainer"),
    engine: Annotated[
        str,
        Option(envvar=_ENV + "ENGINE", help="sandbox: simulated training. transformers: real training here."),
    ] = "sandbox",
    bases: Annotated[
        str,
        Option(
            envvar=_ENV + "BASES",
            help="sandbox: NAME[=METHOD+METHOD|=completion],…; transformers: [NAME=]DIR-or-id[@lora|@full],…",
        ),
    ] = SANDBOX_BASES,
    dialect: Annotated[
        str, Option(envvar=_ENV + "DIALECT", help="The API to imitate: openai or azure.")
    ] = "openai",
    control: Annotated[
        bool, Option("--control", envvar=_ENV + "CONTROL", help="Serve /control: clock, faults, limits.")
    ] = False,
    webhook_url: Annotated[
        str | None, Option(envvar=_ENV + "WEBHOOK_URL", help="URL to notify when a job ends.")
    ] = None,
    step_ms: Annotated[
        int, Option(envvar=_ENV + "STEP_MS", min=0, help="sandbox: milliseconds between reported steps.")
    ] = 50,
    concurrency: Annotated[
        int, Option(envvar=_ENV + "CONCURRENCY", min=1, help="sandbox: jobs that run at once.")
    ] = 8,
    device: Annotated[
        str, Option(envvar=_ENV + "DEVICE", help="transformers: auto, cpu, cuda, cuda:1, mps.")
    ] = "auto",
    launch: Annotated[
        str,
        Option(envvar=_ENV + "LAUNCH", help="transformers: a launcher, such as 'accelerate launch'."),
    ] = "",
    cached_models: Annotated[
        int, Option(envvar=_ENV + "CACHED_MODELS", min=1, help="transformers: models kept in memory.")
    ] = 2,
    snapshot_s: Annotated[
        float,
        Option(envvar=_ENV + "SNAPSHOT_S", min=0, help="transformers: seconds of work lost by a crash."),
    ] = 60.0,
    stall_s: Annotated[
        float,
        Option(
            envvar=_ENV + "STALL_S",
            min=1,
            help="transformers: seconds without any progress after which the training process is replaced.",
        ),
    ] = 1800.0,
) -> None:
    """Serve OpenAI's fine-tuning API. Set TUNEHOUSE_TRAINER_API_KEY and, for webhooks, _WEBHOOK_SECRET."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    api_key = os.environ.get(_ENV + "API_KEY")
    secret = os.environ.get(_ENV + "WEBHOOK_SECRET")
    if not api_key:
        raise _refuse(f"set {_ENV}API_KEY to the key that clients must send")
    if webhook_url and not secret:
        raise _refuse(f"set {_ENV}WEBHOOK_SECRET to sign the webhooks sent to {webhook_url}")
    for option, value, known in (("engine", engine, ENGINES), ("dialect", dialect, DIALECTS)):
        if value not in known:
            raise _refuse(f"there is no {option} {value!r}, only {', '.join(known)}")
    try:
        offered = BASES[engine](bases)
        settings = TrainerSettings(
            data_dir=data_dir,
            bases=offered,
            api_key=api_key,
            engine=engine,
            dialect=dialect,
            control=control,
            webhook_url=webhook_url,
            webhook_secret=secret,
            step_ms=step_ms,
            concurrency=concurrency,
            device=device,
            launch=launch,
            cached_models=cached_models,
            snapshot_s=snapshot_s,
            stall_s=stall_s,
        )
        serve(settings, host, port)
    except ModuleNotFoundError as error:
        raise _refuse(
            f"the engine {engine!r} needs {error.name}; in a checkout: pip install '.[train]'"
        ) from error
    except (CannotStartError, ValueError) as error:
        raise _refuse(str(error)) from error


def _refuse(reason: str) -> typer.Exit:
    typer.echo(f"trainer: {reason}", err=True)
    return typer.Exit(2)


def main() -> None:
    """The entry point of the command."""
    app()
