"""The metrics of the whole installation, from one query over its rows."""

import threading
import time
from collections.abc import Iterable
from importlib.resources import files

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import text

from service.core.db import transaction

_QUERY = text(files("worker.metrics").joinpath("installation.sql").read_text("utf-8").replace(":", "\\:"))
_FRESH_S = 10.0  # several scrapers must not repeat the query

HELP = {
    "tunehouse_work_items": "Units of work, by kind.",
    "tunehouse_work_due": "Units of work that are due and that no worker has taken.",
    "tunehouse_work_oldest_due_seconds": "For how long the oldest of them has been due.",
    "tunehouse_work_failing": "Units of work that were tried more than five times.",
    "tunehouse_work_expired_leases": "Units of work whose worker died and that no other has taken over.",
    "tunehouse_jobs": "Fine-tuning jobs by status.",
    "tunehouse_team_spent_usd": "What a team has spent in its budget's current period.",
    "tunehouse_team_held_usd": "What is reserved for a team's work in progress.",
    "tunehouse_team_budget_left_usd": "What is left of a team's budget; only teams that have one.",
    "tunehouse_webhook_deliveries": "Webhook deliveries of the last day, by state.",
    "tunehouse_webhook_endpoints_failing": "Webhook endpoints whose last call failed.",
    "tunehouse_provider_blocks": "Reasons for which no jobs are sent to a provider now.",
    "tunehouse_rollup_lag_entries": "Ledger entries that are not in the daily sums yet.",
    "tunehouse_workers_alive": "Workers that were alive within the last 15 seconds.",
    "tunehouse_schema_revision_info": "The revision of the database's schema.",
}


class _Rows(Collector):
    def collect(self) -> Iterable[GaugeMetricFamily]:
        with transaction() as session:
            rows = session.execute(_QUERY).all()
        families: dict[str, GaugeMetricFamily] = {}
        for name, labels, value in rows:
            family = families.setdefault(name, GaugeMetricFamily(name, HELP[name], labels=sorted(labels)))
            family.add_metric([labels[label] for label in sorted(labels)], value)
        return families.values()


class InstallationMetrics:
    """The metrics as text, at most ten seconds old."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Rows())
        self._lock = threading.Lock()
        self._text = b""
        self._until = 0.0

    def written(self) -> bytes:
        """Return the metrics in Prometheus's text format. Raises SQLAlchemy's `SQLAlchemyError`."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._text = generate_latest(self._registry)
                self._until = time.monotonic() + _FRESH_S
            return self._text
