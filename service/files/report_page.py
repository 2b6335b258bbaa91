"""Render a report as an HTML page without scripts or external resources."""

from collections.abc import Iterable, Sequence
from html import escape

from service.files.schemas import ProblemOut, ReportOut

# The page quotes the uploaded data. If escaping ever fails, nothing in it may run or load.
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a2330}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.25rem .75rem .25rem 0;vertical-align:top}
th{border-bottom:1px solid #b8c2cc}td{border-bottom:1px solid #eceff2}.n{text-align:right;white-space:nowrap}
.bar{background:#2f6fb3;height:.9rem;min-width:1px}.passed{color:#1d7a3a}.failed{color:#b3261e}
code{font-size:.9em}
"""


def page(report: ReportOut, filename: str) -> str:
    """Return the page."""
    passed = report.error_count == 0
    verdict = "can be trained on" if passed else "cannot be trained on"
    parts = [
        f"<h1>{escape(filename)}</h1>",
        f'<p class="{"passed" if passed else "failed"}">This file {verdict}: {report.examples} examples, '
        f"{report.error_count} errors, {report.warning_count} warnings.</p>",
        _table(
            "Errors", ("Line", "Where", "Code", "What"), _problem_rows(report.errors), more=report.error_count
        ),
        _table(
            "Warnings",
            ("Line", "Where", "Code", "What"),
            _problem_rows(report.warnings),
            more=report.warning_count,
        ),
        _facts(report),
        _table("How it was read", ("",), [(note,) for note in report.notes]),
        _histogram(report),
        _table(
            "Tokens by a base's own tokenizer",
            ("Base", "Tokens", "Shortest, median, longest example", "Examples cut", ""),
            _by_base(report),
        ),
        _table("Cut off by a limit", ("Tokens per example", "Examples", "Tokens lost"), _truncations(report)),
        _table("Cost of one run", ("Model", "Method", "Epochs", "Billed tokens", "USD", ""), _costs(report)),
        _table("Advice", ("Setting", "Value", "Why"), _advice(report)),
        _table("Trained on this content already", ("Model", "Job"), _trained(report)),
    ]
    head = f"<meta charset=utf-8><title>{escape(filename)}</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>"


def _problem_rows(problems: Iterable[ProblemOut]) -> list[tuple[str, ...]]:
    return [
        ("" if problem.line is None else str(problem.line), problem.path, problem.code, problem.message)
        for problem in problems
    ]


def _facts(report: ReportOut) -> str:
    tokens = report.tokens
    rows = [
        ("Format", report.format or "unknown"),
        ("Method", report.method or "none"),
        ("Valid examples", str(report.valid_examples)),
        ("Tokens", str(tokens.total)),
        ("Trained tokens", str(tokens.trained)),
        ("Shortest, median, longest example", f"{tokens.min}, {tokens.p50}, {tokens.max} tokens"),
        ("95 % and 99 % are at most", f"{tokens.p95}, {tokens.p99} tokens"),
        ('Epochs that "auto" chooses', str(report.n_epochs)),
        *((f"Tokens of {role}", str(count)) for role, count in tokens.by_role.items()),
    ]
    return _table("What is in it", ("", ""), rows)


def _histogram(report: ReportOut) -> str:
    buckets = report.tokens.histogram
    if not buckets:
        return ""
    most = max(bucket.examples for bucket in buckets)
    rows = "".join(
        f'<tr><td class="n">{bucket.low}-{bucket.high}</td><td class="n">{bucket.examples}</td>'
        '<td style="width:70%">'
        f'<div class="bar" style="width:{100 * bucket.examples / most:.1f}%"></div></td></tr>'
        for bucket in buckets
    )
    return f"<h2>Tokens per example</h2><table><tr><th>Tokens<th>Examples<th></tr>{rows}</table>"


def _by_base(report: ReportOut) -> list[tuple[str, ...]]:
    return [
        (base.model, "", "", "", base.note or "")
        if base.total is None
        else (
            base.model,
            str(base.total),
            f"{base.min}, {base.p50}, {base.max} tokens",
            str(base.truncated),
            base.note or "exact for this base",
        )
        for base in report.tokens_by_base
    ]


def _truncations(report: ReportOut) -> list[tuple[str, ...]]:
    return [
        (str(cut.limit), str(cut.examples), str(cut.tokens_lost)) for cut in report.truncation if cut.examples
    ]


def _costs(report: ReportOut) -> list[tuple[str, ...]]:
    return [
        (
            cost.model,
            cost.method,
            str(cost.n_epochs),
            str(cost.billed_tokens),
            cost.cost_usd or "",
            cost.note or "",
        )
        for cost in report.costs
    ]


def _advice(report: ReportOut) -> list[tuple[str, ...]]:
    return [(advice.name, str(advice.value), advice.reason) for advice in report.advice]


def _trained(report: ReportOut) -> list[tuple[str, ...]]:
    return [(model.id, model.job_id) for model in report.trained_models]


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, more: int = 0) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    unseen = f"<p>And {more - len(rows)} more.</p>" if more > len(rows) else ""
    return f"<h2>{escape(title)}</h2><table><tr>{head}</tr>{body}</table>{unseen}"
