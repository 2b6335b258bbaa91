"""Request and response bodies of files."""

from collections.abc import Iterable
from typing import Literal

import msgspec
from pydantic import Field

from service.core.clock import unix
from service.core.http.wire import WireOut
from service.dataset.report import CheckReport
from service.files.costs import Cost
from service.files.counting import Counted
from service.files.tables import File, FileStatus


class FileOut(WireOut):
    """A file, in OpenAI's form."""

    object: Literal["file"] = "file"
    id: str
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: str
    status: FileStatus
    status_details: str | None


class FileDeleted(WireOut):
    """A file was deleted."""

    object: Literal["file"] = "file"
    id: str
    deleted: Literal[True] = True


class ProblemOut(WireOut):
    """An error or a warning; `line` counts from 1, and null means the whole file."""

    line: int | None
    path: str
    code: str
    message: str


class LengthBucketOut(WireOut):
    """How many examples have `low` to `high` tokens."""

    low: int
    high: int
    examples: int


class TokensOut(WireOut):
    """Exact counts over the valid examples; roles, framing, tools and images sum to `total`."""

    encoding: str
    total: int
    trained: int
    min: int
    p50: int
    p95: int
    p99: int
    max: int
    by_role: dict[str, int]
    framing: int
    tools: int
    images: int
    histogram: list[LengthBucketOut]


class BaseTokensOut(WireOut):
    """Exact counts by one base's own tokenizer; when they are null, `note` says why."""

    model: str
    provider: str
    total: int | None = None
    min: int | None = None
    p50: int | None = None
    p95: int | None = None
    p99: int | None = None
    max: int | None = None
    truncated: int | None = None
    histogram: list[LengthBucketOut] | None = None
    note: str | None = None


class TruncationOut(WireOut):
    """What a limit of tokens per example would cut off."""

    limit: int
    examples: int
    tokens_lost: int
    nothing_left: int = 0


class AdviceOut(WireOut):
    """A recommended hyperparameter, and why."""

    name: str
    value: float | str
    reason: str


class CostOut(WireOut):
    """One run on one model with "auto" epochs, at today's price."""

    model: str
    method: str
    n_epochs: int
    billed_tokens: int
    examples_truncated: int
    exact_tokens: bool
    cost_usd: str | None
    note: str | None


class TrainedOut(WireOut):
    """A model already trained on the same content."""

    id: str
    job_id: str
    created_at: int


class ReportOut(WireOut):
    """The result of a file's check, and what training on it costs today."""

    object: Literal["file.report"] = "file.report"
    file_id: str
    status: FileStatus
    format: str | None
    method: str | None
    examples: int
    valid_examples: int
    tokens: TokensOut
    tokens_by_base: list[BaseTokensOut]
    truncation: list[TruncationOut]
    errors: list[ProblemOut]
    error_count: int
    warnings: list[ProblemOut]
    warning_count: int
    warning_counts: dict[str, int]
    notes: list[str] = Field(default_factory=list)
    n_epochs: int
    advice: list[AdviceOut]
    costs: list[CostOut]
    trained_models: list[TrainedOut] = Field(default_factory=list)


def file_out(file: File) -> FileOut:
    """Return the response body of a file."""
    return FileOut(
        id=file.id,
        bytes=file.size_bytes,
        created_at=unix(file.created_at),
        expires_at=None if file.expires_at is None else unix(file.expires_at),
        filename=file.filename,
        purpose=file.purpose,
        status=FileStatus(file.status),
        status_details=file.status_details,
    )


def report_out(
    file: File, report: CheckReport, costs: list[Cost], counted: Iterable[Counted] = ()
) -> ReportOut:
    """Return the response body of a report."""
    return ReportOut(
        file_id=file.id,
        status=FileStatus(file.status),
        format=report.format,
        method=report.method,
        examples=report.examples,
        valid_examples=report.valid_examples,
        tokens=TokensOut.model_validate(report.tokens),
        tokens_by_base=[_base_tokens_out(one) for one in counted],
        truncation=[TruncationOut.model_validate(cut) for cut in report.truncation],
        errors=[ProblemOut.model_validate(error) for error in report.errors],
        error_count=report.error_count,
        warnings=[ProblemOut.model_validate(warning) for warning in report.warnings],
        warning_count=report.warning_count,
        warning_counts=report.warning_counts,
        notes=report.notes,
        n_epochs=report.n_epochs,
        advice=[AdviceOut.model_validate(advice) for advice in report.advice],
        costs=[_cost_out(cost) for cost in costs],
    )


def _base_tokens_out(counted: Counted) -> BaseTokensOut:
    base = {"model": counted.model, "provider": counted.provider, "note": counted.note}
    return BaseTokensOut.model_validate(base | (msgspec.to_builtins(counted.tokens) or {}))


def _cost_out(cost: Cost) -> CostOut:
    return CostOut(
        model=cost.model,
        method=cost.method,
        n_epochs=cost.n_epochs,
        billed_tokens=cost.billed_tokens,
        examples_truncated=cost.examples_truncated,
        exact_tokens=cost.exact_tokens,
        cost_usd=None if cost.cost_usd is None else f"{cost.cost_usd:f}",
        note=cost.note,
    )
