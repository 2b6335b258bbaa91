"""Render statements as a printable HTML page."""

from collections.abc import Sequence
from html import escape

from service.ledger.closing.schemas import StatementLine, StatementOut

PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = (
    "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse;width:100%}"
    "th,td{border-bottom:1px solid #ccc;padding:.3em .5em;text-align:left}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
    "section{break-after:page}section:last-child{break-after:auto}"
)
_HEADINGS = ("Section", "Cost center", "Model", "Kind")
_NUMBERS = ("Quantity", "Price", "Amount")


def statements_page(statements: Sequence[StatementOut]) -> str:
    """Render one section per statement. All text is escaped."""
    body = "".join(_section(one) for one in statements) or "<p>No costs in this month.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Statement</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def _section(one: StatementOut) -> str:
    state = f"Final, {one.invoice_id}" if one.invoice_id else "Open: amounts may change"
    head = _cells("th", _HEADINGS, _NUMBERS)
    rows = "".join(f"<tr>{_cells('td', *_texts(line))}</tr>" for line in one.lines)
    total = f'<th colspan="6">Total, US dollars</th><th class="n">{escape(one.total_usd)}</th>'
    return (
        f"<section><h1>{escape(one.team_name)}, {escape(one.month)}</h1>"
        f"<p>{escape(one.team_id)}. {escape(state)}.</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody><tfoot><tr>{total}</tr></tfoot></table>"
        "</section>"
    )


def _texts(line: StatementLine) -> tuple[Sequence[str], Sequence[str]]:
    priced = line.price_usd is not None and line.price_per is not None
    price = f"{line.price_usd} per {line.price_per:,}" if priced else ""
    texts = line.section, line.cost_center or "", line.model or "", line.kind.replace("_", " ")
    return texts, (f"{line.quantity} {line.unit}", price, line.amount_usd)


def _cells(tag: str, texts: Sequence[str], numbers: Sequence[str]) -> str:
    left = "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)
    return left + "".join(f'<{tag} class="n">{escape(text)}</{tag}>' for text in numbers)
