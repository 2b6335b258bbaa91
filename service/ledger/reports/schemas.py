"""Cost reports on the wire. Amounts are decimal strings in US dollars."""

from typing import Any, Literal

from service.core.http.wire import WireOut


class CostsOut(WireOut):
    """A cost report."""

    object: Literal["list"] = "list"
    data: list[dict[str, Any]]
    """The groups. Each has the fields of `group_by` and `amount_usd`; by kind, also `quantity`."""
    total_usd: str
    """The sum of all groups."""
    idle_usd: str
    """The part of `total_usd` for hours of deployed models in which no request came."""
