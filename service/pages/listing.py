"""Tables of a page, which are also its CSV files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fastapi import Request
from starlette.datastructures import URL

from service.ledger.money import usd
from service.pages.words import count, money

PAGE_ROWS = 50
CSV_ROWS = 1000


@dataclass(frozen=True)
class Column:
    """A column; `right` aligns numbers. The CSV names it like the heading, in lower case.

    One without a heading has buttons and is not in the CSV; one that is `only_csv` is not on the page.
    """

    heading: str
    right: bool = False
    only_csv: bool = False


@dataclass(frozen=True)
class Field:
    """A cell: `text` is what it says, and what the CSV has unless that has the `exact` value.

    `sub` is a second line, `href` a page to open, `state` a status to show as a badge. `svg` is a chart that
    is shown in place of the text, and `post` the address of a button that the text labels.
    """

    text: str
    href: str | None = None
    sub: str = ""
    state: str | None = None
    svg: str | None = None
    post: str | None = None
    mono: bool = False
    exact: str | None = None


def amount(amount_usd: Decimal | str | None, sub: str = "") -> Field:
    """Return the cell of US dollars: rounded to cents on the page, exact in the CSV, where none is empty."""
    exact = usd(amount_usd) if isinstance(amount_usd, Decimal) else amount_usd or ""
    return Field(money(amount_usd), sub=sub, exact=exact)


def number(value: int | None, sub: str = "") -> Field:
    """Return the cell of a whole number, which has separators on the page and none in the CSV."""
    return Field(count(value), sub=sub, exact="" if value is None else str(value))


@dataclass(frozen=True)
class Listing:
    """A table. `empty` says what is missing and what to do, `more` is the address of the next rows."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Field]]
    empty: str = "Nothing yet."
    more: str | None = None
    total: Sequence[str] = field(default=())

    @property
    def csv_columns(self) -> list[str]:
        """The names of the CSV's columns."""
        return [column.heading.lower() for column in self.columns if column.heading]

    def csv_rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows, by column."""
        for row in self.rows:
            pairs = zip(self.columns, row, strict=True)
            yield {
                column.heading.lower(): cell.text if cell.exact is None else cell.exact
                for column, cell in pairs
                if column.heading
            }


def rows_of(request: Request) -> int:
    """Return how many rows to read: more for a CSV than for a page."""
    return CSV_ROWS if "csv" in request.query_params else PAGE_ROWS


def more_after(request: Request, last_id: str | None, has_more: bool) -> str | None:
    """Return the address of the page that follows the row `last_id`."""
    if not has_more or last_id is None:
        return None
    return _address(request.url.include_query_params(after=last_id).remove_query_params("csv"))


def _address(url: URL) -> str:
    return f"{url.path}?{url.query}" if url.query else url.path
