"""`tunehouse doctor`: check everything that Tunehouse needs, and say what to do."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx2
import typer
from redis.exceptions import RedisError
from sqlalchemy import func, select

from service.app.readiness import check_database, check_storage
from service.cli.commands import DataDir, use_running
from service.cli.entry import app
from service.core import clock, heartbeat
from service.core.broker.redis_clients import redis_client
from service.core.db import transaction
from service.core.http.guarded import resolve
from service.core.postgres.rights import dangers_of
from service.errors import TunehouseError
from service.local.checks import read_settings
from service.local.errors import EmbeddedError
from service.providers.health import check_all
from service.settings import settings
from service.settings.redis import parse
from service.webhooks.tables import WebhookEndpoint

_MOST_SKEW_S = 5.0  # signatures of webhooks are valid for minutes, leases for two
_PROVIDER_PROBLEMS = {
    "key_refused": "The provider refuses the key. Replace it (docs/guide/providers.md).",
    "unreachable": "The provider does not answer. Check its base_url, DNS, proxy and firewall.",
    "failing": "The provider answers with errors. Check its status page.",
}


class Diagnosis(NamedTuple):
    """What one check found; `advice` says what to do, and is None if all is well."""

    subject: str
    advice: str | None
    is_fatal: bool = True


@app.command()
def doctor(data_dir: DataDir = Path(".tunehouse")) -> None:
    """Check settings, database, schema, broker, storage, providers, clocks and webhooks, and say what to do.

    Run it where an api or worker runs, with the same settings. Exits with status 1 if requests or jobs fail
    as things are. Changes nothing.
    """
    use_running(data_dir)
    findings = list(_examine())
    for finding in findings:
        mark = "ok" if finding.advice is None else "FAILS" if finding.is_fatal else "warning"
        typer.echo(f"{mark:8}{finding.subject}" + (f": {finding.advice}" if finding.advice else ""))
    raise typer.Exit(1 if any(one.advice and one.is_fatal for one in findings) else 0)


def _examine() -> Iterator[Diagnosis]:
    try:
        read_settings()
    except EmbeddedError as refusal:
        yield Diagnosis("settings", str(refusal))
        return
    yield Diagnosis("settings", None)
    database = _advice(check_database)
    yield Diagnosis("database and schema", database)
    yield Diagnosis("storage", _advice(check_storage))
    yield Diagnosis("broker", _broker(), is_fatal=False)
    yield from _providers()
    if database is None:
        yield Diagnosis("clock", _clock(), is_fatal=False)
        yield Diagnosis("rights of the database role", _rights(), is_fatal=False)
        yield Diagnosis("workers", _workers(), is_fatal=False)
        yield from _webhooks()


def _advice(check: Callable[[], None]) -> str | None:
    try:
        check()
    except TunehouseError as refusal:
        return refusal.message
    return None


def _broker() -> str | None:
    try:
        with redis_client(parse(settings().redis_url.get_secret_value()), timeout_s=5) as broker:
            broker.ping()
    except RedisError as failure:
        return (
            f"Redis or Valkey does not answer ({type(failure).__name__}). Work goes on, a second later at "
            "each step, and rate limits are not applied. Check TUNEHOUSE_REDIS_URL and the server."
        )
    return None


def _providers() -> Iterator[Diagnosis]:
    if not settings().providers:
        yield Diagnosis(
            "providers", "None is configured, so nothing can be trained. Set TUNEHOUSE_PROVIDERS."
        )
    for health in check_all():
        yield Diagnosis(f"provider {health.name}", _PROVIDER_PROBLEMS.get(health.problem or ""))


def _clock() -> str | None:
    with transaction() as session:
        there = session.scalar(select(func.clock_timestamp()))
    assert there is not None  # noqa: S101 - a function without a table
    skew_s = abs((clock.now() - there).total_seconds())
    if skew_s > _MOST_SKEW_S:
        return f"This machine and the database differ by {skew_s:.0f} s. Synchronize both clocks (NTP)."
    return None


def _rights() -> str | None:
    url = settings().direct_database_url or settings().database_url
    dangers = dangers_of(url.get_secret_value())
    if not dangers:
        return None
    return f"It {' and '.join(dangers)}, so it could rewrite the ledger. Connect as another role."


def _workers() -> str | None:
    with transaction() as session:
        alive = heartbeat.count_alive(session)
    return None if alive else "None is alive: jobs and webhooks wait. Start `tunehouse worker`."


def _webhooks() -> Iterator[Diagnosis]:
    """Check that the public URL answers providers, and that the hosts of endpoints have addresses."""
    public = settings().public_url.rstrip("/")
    yield Diagnosis(f"public URL {public}", _reached(public), is_fatal=False)
    with transaction() as session:
        living = WebhookEndpoint.deleted_at.is_(None), WebhookEndpoint.disabled_at.is_(None)
        urls = session.scalars(select(WebhookEndpoint.url).where(*living)).all()
    places = {(urlsplit(url).hostname or "", urlsplit(url).port or 443) for url in urls}
    for host, port in sorted(places):
        yield Diagnosis(f"webhook host {host}", _resolved(host, port), is_fatal=False)


def _reached(url: str) -> str | None:
    try:
        status = httpx2.get(f"{url}/healthz", timeout=5).status_code
    except (httpx2.HTTPError, OSError) as failure:
        return (
            f"It does not answer from here ({type(failure).__name__}). Providers' webhooks then do not "
            "arrive, and jobs are polled. Check TUNEHOUSE_PUBLIC_URL and the balancer."
        )
    return None if status == httpx2.codes.OK else f"It answers /healthz with {status}. Check the balancer."


def _resolved(host: str, port: int) -> str | None:
    try:
        resolve(host, port)
    except OSError:
        return "This name has no address here, so its webhooks fail. Check DNS, or tell the team."
    return None
