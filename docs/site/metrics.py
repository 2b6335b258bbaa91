"""The reference of the Prometheus metrics, from their definitions."""

from importlib import import_module

from prometheus_client import REGISTRY, Metric

from docs.site.tables import NOTICE, table
from worker.metrics.installation import HELP

_HEAD = """# Metrics

Prometheus metrics of the api (`GET /metrics`), of each worker (`/metrics` at
`TUNEHOUSE_WORKER_METRICS_ADDRESS`), and of the whole installation (`/installation` at any worker). The
[alert rules and the dashboard](../operations/runbook.md) use these names.
"""


def page() -> str:
    """Return the page: every metric with its type, its labels and its meaning."""
    return (
        NOTICE
        + _HEAD
        + "\n## Of each process\n\n"
        + _of_processes()
        + "\n## Of the installation\n\n"
        + _of_rows()
    )


def _of_processes() -> str:
    for name in ("service.core.metrics.measures", "service.gateway.counts"):
        import_module(name)
    found = (family for family in REGISTRY.collect() if family.name.startswith("tunehouse_"))
    rows = sorted((_name(family), family.type, family.documentation) for family in found)
    return table(("Metric", "Type", "Meaning"), rows)


def _name(family: Metric) -> str:
    return f"`{family.name}{'_total' if family.type == 'counter' else ''}`"


def _of_rows() -> str:
    return table(("Metric", "Type", "Meaning"), ((f"`{name}`", "gauge", text) for name, text in HELP.items()))
