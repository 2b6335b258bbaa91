"""Cursor pages in OpenAI's format: `after` is the last item's id, `has_more` says if more follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.core import ids
from service.errors import NotFound

Row = TypeVar("Row")
Wire = TypeVar("Wire", bound=BaseModel)
Order = Literal["asc", "desc"]


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows in order; `has_more` says whether more follow."""

    rows: Sequence[Row]
    has_more: bool


class ListOut(BaseModel, Generic[Wire]):
    """The wire form of a page."""

    object: Literal["list"] = "list"
    data: list[Wire]
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool = False


def fetch_page(
    session: Session,
    query: Select[Row],
    *,
    sort: InstrumentedAttribute[Any],
    id_: InstrumentedAttribute[str],
    after: str | None,
    limit: int,
    order: Order = "desc",
    cursors: Select[Row] | None = None,
    pruned: str | None = None,
    columns: Sequence[InstrumentedAttribute[Any]] | None = None,
) -> Page[Row]:
    """Return one page of `query`, ordered by `sort` and, among equals, by id.

    `cursors` selects the rows that `after` may name; by default, those of `query`. Pass it if items can leave
    the list but keep their rows: then a caller who deletes items while listing them can continue after a
    deleted one. Filter both by team, so that another team's id is unknown. `pruned` is the ids' prefix in a
    list, newest first, whose oldest rows are pruned: after an id of that form that is unknown, the page is
    empty. With `columns`, the rows have these columns only, which takes far less time for thousands.
    Raises `NotFound` for any other unknown cursor.
    """
    if after is not None:
        known = query if cursors is None else cursors
        place = session.execute(known.with_only_columns(sort, id_).where(id_ == after)).one_or_none()
        if place is None:
            if pruned is not None and ids.has_form_of(pruned, after):
                return Page([], has_more=False)
            raise NotFound(f"'after' must be the id of an item in this list, not {after!r}.", param="after")
        here = tuple_(sort, id_)
        there = tuple_(*place)
        query = query.where(here < there if order == "desc" else here > there)
    keys = (sort.desc(), id_.desc()) if order == "desc" else (sort.asc(), id_.asc())
    query = query.order_by(*keys).limit(limit + 1)
    rows: Any
    if columns is None:
        rows = session.scalars(query).all()
    else:
        rows = session.execute(query.with_only_columns(*columns)).all()
    return Page(rows[:limit], len(rows) > limit)


def list_out(wires: list[Wire], has_more: bool) -> ListOut[Wire]:
    """Return the list object for `wires`, whose items have an `id`."""
    listed = [str(wire.id) for wire in wires if hasattr(wire, "id")]
    first_id, last_id = (listed[0], listed[-1]) if listed else (None, None)
    return ListOut[Wire](data=wires, has_more=has_more, first_id=first_id, last_id=last_id)


def list_fields(items: Sequence[Mapping[str, Any]], has_more: bool) -> dict[str, Any]:
    """Return the list object for items that are ready to be encoded, in the form of `ListOut`."""
    first_id, last_id = (items[0]["id"], items[-1]["id"]) if items else (None, None)
    return {
        "object": "list",
        "data": items,
        "first_id": first_id,
        "last_id": last_id,
        "has_more": has_more,
    }
