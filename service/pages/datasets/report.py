"""A dataset's report as tables and a chart."""

from collections.abc import Sequence

from markupsafe import Markup

from service.files.schemas import ProblemOut, ReportOut
from service.pages import charts
from service.pages.listing import Column, Field, Listing, amount, number
from service.pages.words import count

_PROBLEM = (Column("Line", True), Column("What"), Column("Where"), Column("Code"))


def errors(file_id: str, report: ReportOut) -> Listing:
    """The errors, each with a link to its line."""
    title = f"{count(report.error_count)} error{'s' if report.error_count != 1 else ''}"
    if report.error_count > len(report.errors):
        title += f", the first {len(report.errors)}"
    return Listing("errors", title, _PROBLEM, _problems(file_id, report.errors))


def warnings(file_id: str, report: ReportOut) -> Listing:
    """The warnings, each with a link to its line."""
    title = f"{count(report.warning_count)} warning{'s' if report.warning_count != 1 else ''}"
    return Listing("warnings", title, _PROBLEM, _problems(file_id, report.warnings))


def costs(file_id: str, report: ReportOut) -> Listing:
    """The price of one run on each model, cheapest first."""
    priced = sorted(report.costs, key=lambda cost: (cost.cost_usd is None, float(cost.cost_usd or 0)))
    return Listing(
        "costs",
        "Price of one run",
        (
            Column("Model"),
            Column("Method"),
            Column("Epochs", True),
            Column("Tokens", True),
            Column("Examples cut", True),
            Column("Cost, USD", True),
            Column(""),
        ),
        [
            (
                Field(cost.model, sub=cost.note or ""),
                Field(cost.method),
                number(cost.n_epochs),
                number(cost.billed_tokens, sub="" if cost.exact_tokens else "estimated"),
                number(cost.examples_truncated),
                amount(cost.cost_usd),
                Field(
                    "Train", href=f"/jobs/new?training_file={file_id}&model={cost.model}&method={cost.method}"
                ),
            )
            for cost in priced
        ],
        empty="No model on offer can be trained on this file.",
    )


def advice(report: ReportOut) -> Listing:
    """The recommended settings."""
    return Listing(
        "advice",
        "Recommended settings",
        (Column("Setting"), Column("Value", True), Column("Why")),
        [
            (
                Field(one.name),
                Field(one.value if isinstance(one.value, str) else f"{one.value:g}"),
                Field(one.reason),
            )
            for one in report.advice
        ],
        empty="The defaults suit this file.",
    )


def histogram(report: ReportOut) -> Markup | None:
    """The chart of how long the examples are, with their median and the largest limit that cuts some."""
    buckets = report.tokens.histogram
    if not buckets:
        return None
    edges = [float(bucket.low) for bucket in buckets] + [float(buckets[-1].high + 1)]
    limits = [cut.limit for cut in report.truncation if cut.examples]
    return charts.histogram(
        edges,
        [bucket.examples for bucket in buckets],
        limit=min(limits, default=0),
        marks=[(report.tokens.p50, f"median {count(report.tokens.p50)}")],
    )


def _problems(file_id: str, problems: Sequence[ProblemOut]) -> list[tuple[Field, ...]]:
    return [
        (
            Field("", None)
            if problem.line is None
            else Field(str(problem.line), href=f"/datasets/{file_id}/lines/{problem.line}"),
            Field(problem.message),
            Field(problem.path, mono=True),
            Field(problem.code, mono=True),
        )
        for problem in problems
    ]
