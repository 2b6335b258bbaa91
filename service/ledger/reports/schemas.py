"""Cost reports on the wire. Amounts are decimal strings in US dollars."""

from typing import Any, Literal

from service.core.http.wire import WireOut


class CostsOut(WireOut):
    """A cost report. Each row has the fields it is grouped by and `amount_usd`; by kind, also `quantity`."""

    object: Literal["list"] = "list"
    data: list[dict[str, Any]]
    total_usd: str
