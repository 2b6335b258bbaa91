"""Refuse unknown names in the query, which FastAPI would ignore."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, get_args, get_origin
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.routing import APIRoute

from service.app.invalid.near import did_you_mean
from service.errors import InvalidRequest

# Probes and scrapers add parameters of their own, and must not find a healthy process unhealthy.
_PROBED = frozenset({"/healthz", "/readyz", "/metrics"})


async def refuse_unknown_names(request: Request) -> None:
    """Every route depends on this. Raises `InvalidRequest` for unknown and repeated parameters."""
    if not request.scope["query_string"] or request.scope["path"] in _PROBED:
        return
    route = request.scope["route"]
    declared = _declared(route) if isinstance(route, APIRoute) else []
    refuse(request.query_params.keys(), declared, f"{request.method} {request.url.path}")
    lists = _lists(route) if isinstance(route, APIRoute) else frozenset()
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if times > 1 and not name.endswith("[]") and name not in lists:
            raise InvalidRequest(
                f"The query names '{name}' {times} times. Send it once.",
                param=name,
                code="duplicate_parameter",
            )


def refuse_any(query: bytes, operation: str) -> None:
    """Raise `InvalidRequest` if the query of an operation without parameters has any."""
    names = [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)]
    refuse(names, [], operation)


def refuse(sent: Iterable[str], known: Sequence[str], operation: str) -> None:
    """Raise `InvalidRequest` if one of the names is not known; an object's members are `name[member]`."""
    unknown = [name for name in dict.fromkeys(sent) if not _is_known(name, known)]
    if not unknown:
        return
    told = [
        f"'{name[:64]}' is not a query parameter of {operation}.{did_you_mean(name, known)}"
        for name in unknown[:10]
    ]
    if not any("Did you mean" in one for one in told):
        told.append(f"It takes {', '.join(known)}." if known else "It takes none.")
    raise InvalidRequest(" ".join(told), param=unknown[0][:64], code="unknown_parameter")


def _is_known(name: str, known: Sequence[str]) -> bool:
    return name in known or f"{name}[]" in known or f"{name.partition('[')[0]}[name]" in known


def _lists(route: APIRoute) -> frozenset[str]:
    """Return the names of the query parameters that may be repeated."""
    typed = (one.alias for one in route.dependant.query_params if _has_list(one.field_info.annotation))
    described = (name.removesuffix("[]") for name in _declared(route) if name.endswith("[]"))
    return frozenset((*typed, *described))


def _has_list(annotation: Any) -> bool:
    return get_origin(annotation) in (list, tuple, Sequence) or any(map(_has_list, get_args(annotation)))


def _declared(route: APIRoute) -> list[str]:
    """Return the names of a route's query parameters, as OpenAPI has them."""
    names = [field.alias for field in route.dependant.query_params]
    described: list[dict[str, Any]] = (route.openapi_extra or {}).get("parameters", [])
    for one in described:
        is_object = one.get("style") == "deepObject"
        names += [f"{one['name']}[name]", one["name"]] if is_object else [one["name"]]
    return names
