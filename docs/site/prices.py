"""The reference of the base models and prices that ship with Tunehouse, from the catalogue."""

from collections.abc import Iterator
from datetime import date

from docs.site.tables import NOTICE, table
from service.catalog.files import KINDS, load
from service.catalog.seed import shipped_prices

_HEAD = """# Models and prices

What ships with this version. An administrator can add models in `TUNEHOUSE_CATALOG_FILE`, and prices in the
price book ([costs](../guide/costs.md)); `GET /v1/models` and `GET /v1/prices` show what your service uses.
"""


def page() -> str:
    """Return the page: models with their dates, and prices with their source, for each kind of provider."""
    return NOTICE + _HEAD + "\n".join(f"\n## {kind}\n\n{_models(kind)}\n{_prices(kind)}" for kind in KINDS)


def _models(kind: str) -> str:
    rows = [
        (
            f"`{model['id']}`",
            ", ".join(model["methods"]),
            f"{model['token_limit']:,}",
            _date(model.get("trains_until")),
            _date(model.get("shutdown_date")),
        )
        for model in load(kind)["models"]
    ]
    return table(("Model", "Methods", "Tokens per example", "No new jobs from", "Shuts down"), rows)


def _date(value: date | None) -> str:
    return value.isoformat() if value else ""


def _prices(kind: str) -> str:
    return table(("Model", "Price", "USD", "From", "Source"), _price_rows(kind))


def _price_rows(kind: str) -> Iterator[tuple[str, ...]]:
    for one in shipped_prices():
        if one.provider_kind == kind:
            meter = " ".join(filter(None, (one.kind, one.method, "" if one.tier == "standard" else one.tier)))
            amount = f"{one.amount_usd.normalize():f} per {one.unit_quantity:,} {one.kind.unit}"
            yield f"`{one.model}`", meter, amount, one.effective_from.date().isoformat(), one.source
