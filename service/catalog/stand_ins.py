"""OpenAI's bases that the sandbox stands in for, so that CI runs offline with the names of real models."""

from collections.abc import Iterator, Mapping
from typing import Any

_ENDS = ("trains_from", "trains_until", "shutdown_date", "concurrent_jobs", "jobs_per_day")
_USES = ("input_tokens", "cached_input_tokens", "output_tokens")
_SOURCE = "Notional: the sandbox stands in for this model, and nobody is billed"


def stand_ins(catalogue: Mapping[str, Any], wanted: list[str]) -> dict[str, list[Any]]:
    """Return models and prices of the sandbox, like those that `catalogue` has for the `wanted` names.

    They have no dates and no limits of jobs. Raises ValueError for a name that the catalogue lacks.
    """
    found = [_named(catalogue["models"], name) for name in wanted]
    ids = list(dict.fromkeys(model["id"] for model in found))
    models = {model["id"]: model for model in found}
    return {
        "models": [
            {field: value for field, value in models[id_].items() if field not in _ENDS} | {"stands_in": True}
            for id_ in ids
        ],
        "prices": list(_priced(catalogue["prices"], ids)),
    }


def _named(models: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for model in models:
        if name in (model["id"], *model.get("names", ())):
            return model
    known = ", ".join(model["id"] for model in models)
    raise ValueError(
        f"TUNEHOUSE_SANDBOX_STAND_INS names {name!r}, which is not a base of OpenAI's. Known: {known}"
    )


def _priced(price_lists: list[dict[str, Any]], ids: list[str]) -> Iterator[dict[str, Any]]:
    for prices in price_lists:
        if "tier" in prices:
            continue
        listed = prices["usd"]
        usd = {name: listed[name] for id_ in ids for name in (id_, f"ft:{id_}") if name in listed}
        for id_ in ids:
            # OpenAI lists no price for using some bases untuned; the sandbox serves them all.
            tuned = {use: usd[f"ft:{id_}"][use] for use in _USES if use in usd.get(f"ft:{id_}", ())}
            if id_ in usd:
                usd[id_] = tuned | usd[id_]
        if usd:
            yield prices | {"source": _SOURCE, "usd": usd}
