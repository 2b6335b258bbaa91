"""Render a comparison as an HTML page without scripts or external resources."""

from collections.abc import Iterable, Sequence
from html import escape

from service.comparisons.schemas import AnswerOut, ComparisonOut, PromptOut
from service.comparisons.tables import Verdict

# The page quotes models' answers. If escaping ever fails, nothing in them may run or load.
HEADERS = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 } th, td { border-bottom: 1px solid #ddd;
padding: .4rem .6rem; text-align: left; vertical-align: top } td.number { text-align: right }
td.text { white-space: pre-wrap; overflow-wrap: anywhere } .win { background: #e8f5e9 } .error { color: #a00 }
"""
_ROWS = (
    ("Wins", "wins"),
    ("Losses", "losses"),
    ("Ties", "ties"),
    ("Not answered", "failed"),
    ("Mean score", "mean_score"),
    ("Cost (US$)", "cost_usd"),
    ("Tokens read", "input_tokens"),
    ("Tokens written", "output_tokens"),
    ("Latency p50 (ms)", "latency_ms_p50"),
    ("Latency p95 (ms)", "latency_ms_p95"),
)


def render(comparison: ComparisonOut) -> str:
    """Return the page."""
    first, second = comparison.models
    title = f"{first.model} and {second.model}"
    judge = f", judged by {comparison.judge_model}" if comparison.judge_model else ""
    facts = (
        f"{comparison.id}, {comparison.status.value}: {comparison.graded} of {comparison.prompts} prompts of "
        f"{comparison.file_id}, by {comparison.grader.value}{judge}. Cost: ${comparison.cost_usd}."
    )
    problem = f"<p class='error'>{escape(comparison.error)}</p>" if comparison.error else ""
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{escape(title)}</title>"
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1><p>{escape(facts)}</p>{problem}"
        f"{_table(['', first.model, second.model], _summary(comparison))}"
        f"{_table(['Line', first.model, second.model], map(_result, comparison.results or []))}"
        "</body></html>"
    )


def _table(heads: Sequence[str], rows: Iterable[str]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _summary(comparison: ComparisonOut) -> Iterable[str]:
    for name, field in _ROWS:
        values = [getattr(side, field) for side in comparison.models]
        cells = "".join(f"<td class='number'>{'' if value is None else value}</td>" for value in values)
        yield f"<tr><th>{name}</th>{cells}</tr>"


def _result(prompt: PromptOut) -> str:
    cells = "".join(
        _cell(answer, is_best=prompt.verdict == side)
        for answer, side in ((prompt.first, Verdict.FIRST), (prompt.second, Verdict.SECOND))
    )
    return f"<tr><td class='number'>{prompt.line}</td>{cells}</tr>"


def _cell(answer: AnswerOut | None, *, is_best: bool) -> str:
    win = " win" if is_best else ""
    if answer is None:
        return "<td></td>"
    if answer.error is not None:
        return f"<td class='text error'>{escape(answer.error)}</td>"
    return f"<td class='text{win}'>{escape(answer.text or '')}</td>"
