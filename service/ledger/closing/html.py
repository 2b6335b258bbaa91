"""Render statements as an HTML page to print, without scripts or external resources."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from service.ledger.closing.schemas import StatementLine, StatementOut

_STYLE = """
body{font:14px/1.4 system-ui,sans-serif;margin:2rem}h1{font-size:1.4rem;margin-bottom:0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:0 1rem;margin:.5rem 0 1rem}dd{margin:0}
table{border-collapse:collapse;width:100%}
caption{text-align:left;font-weight:bold;padding:.8rem .5rem .2rem 0}
th,td{border-bottom:1px solid #ccc;padding:.25rem .5rem .25rem 0;text-align:left;vertical-align:top}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}tfoot th{border-top:1px solid #000}
section{break-after:page}section:last-child{break-after:auto}tr{break-inside:avoid}
@page{margin:15mm}@media print{body{margin:0}}
"""
_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# The page quotes names that teams choose. If escaping ever fails, nothing in them may run or load.
HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
_HEADINGS = ("Item", "Model", "Department", "Cost center")
_NUMBERS = ("Quantity", "Price", "US dollars")


def statements_page(statements: Sequence[StatementOut]) -> str:
    """Return the page, with one statement per sheet. All text is escaped."""
    body = "".join(map(_statement, statements)) or "<p>There are no costs in this month.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Statement</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def _statement(one: StatementOut) -> str:
    facts = {
        "Team": f"{one.team_name} ({one.team_id})",
        "Month": f"{one.month} (UTC)",
        "Status": "final" if one.status == "closed" else "open; amounts may change",
        "Invoice": one.invoice_id or "none until the month is closed",
        "Total": f"${one.total_usd}",
    }
    terms = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())
    tables = "".join(_tables(one))
    return f"<section><h1>Statement {escape(one.month)}</h1><dl>{terms}</dl>{tables}</section>"


def _tables(one: StatementOut) -> Iterator[str]:
    head = _cells("th", _HEADINGS, _NUMBERS)
    for section, lines in groupby(one.lines, key=lambda line: line.section):
        rows = "".join(f"<tr>{_cells('td', *_texts(line))}</tr>" for line in lines)
        total = f'<th class="n">{escape(getattr(one, f"{section}_usd"))}</th>'
        yield (
            f"<table><caption>{escape(section.capitalize())}</caption><thead><tr>{head}</tr></thead>"
            f'<tbody>{rows}</tbody><tfoot><tr><th colspan="6">Total</th>{total}</tr>'
            "</tfoot></table>"
        )


def _texts(line: StatementLine) -> tuple[Sequence[str], Sequence[str]]:
    priced = line.price_usd is not None and line.price_per is not None
    price = f"{line.price_usd} per {line.price_per:,}" if priced else ""
    item = line.description or line.kind.replace("_", " ").capitalize()
    texts = (
        f"{item}: {line.why}" if line.why else item,
        line.model or "",
        line.department_name or "",
        line.cost_center or "",
    )
    quantity = "" if line.unit == "micro_usd" else f"{line.quantity} {line.unit}"
    return texts, (quantity, price, line.amount_usd)


def _cells(tag: str, texts: Sequence[str], numbers: Sequence[str]) -> str:
    left = "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)
    return left + "".join(f'<{tag} class="n">{escape(text)}</{tag}>' for text in numbers)
