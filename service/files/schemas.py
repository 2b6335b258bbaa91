"""Request and response bodies of files."""

from collections.abc import Iterable
from typing import Any, Literal

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
    """The size in bytes."""
    created_at: int
    expires_at: int | None
    """When the file is deleted, in unix seconds; null for never."""
    filename: str
    """The name of the uploaded file."""
    purpose: str
    """`fine-tune`, or `fine-tune-results` for files made by jobs."""
    status: FileStatus
    """`uploaded` during the check, then `processed` or `error`."""
    status_details: str | None
    """The first error of the check; null unless `status` is `error`."""


class FileDeleted(WireOut):
    """A file was deleted."""

    object: Literal["file"] = "file"
    id: str
    deleted: Literal[True] = True


class ProblemOut(WireOut):
    """An error or a warning."""

    line: int | None
    """The line, from 1; null if it concerns the whole file."""
    path: str
    """The field within the line, such as `messages[0].content`; empty for the whole line."""
    code: str
    """The kind of problem, for programs."""
    message: str
    """What is wrong, what is allowed, and what to do."""


class LengthBucketOut(WireOut):
    """How many examples have a length."""

    low: int
    """The fewest tokens."""
    high: int
    """The most tokens, included."""
    examples: int
    """How many examples have so many."""


class TokensOut(WireOut):
    """Exact counts over the valid examples."""

    encoding: str
    """The tokenizer that counted, such as `o200k_base`."""
    total: int
    """Tokens of one epoch. Roles, framing, tools and images sum to it."""
    trained: int
    """Tokens that the loss is computed on."""
    min: int
    """Tokens of the shortest example; 0 without examples."""
    p50: int
    """Tokens of the median example."""
    p95: int
    """95 % of the examples have at most so many tokens."""
    p99: int
    """99 % of the examples have at most so many tokens."""
    max: int
    """Tokens of the longest example."""
    by_role: dict[str, int]
    """Tokens of texts by role, such as `user`."""
    framing: int
    """Tokens that the chat format adds around messages."""
    tools: int
    """Tokens of tool definitions."""
    images: int
    """Tokens of images."""
    histogram: list[LengthBucketOut]
    """Examples by length, in buckets of doubling width."""


class BaseTokensOut(WireOut):
    """Exact counts by one base's own tokenizer."""

    model: str
    """The base."""
    provider: str
    total: int | None = None
    """Tokens of one epoch, each example cut at the base's limit; null if they cannot be counted."""
    min: int | None = None
    """Tokens of the shortest example."""
    p50: int | None = None
    """Tokens of the median example."""
    p95: int | None = None
    """95 % of the examples have at most so many tokens."""
    p99: int | None = None
    """99 % of the examples have at most so many tokens."""
    max: int | None = None
    """Tokens of the longest example."""
    truncated: int | None = None
    """Examples longer than the base's limit."""
    histogram: list[LengthBucketOut] | None = None
    """Examples by length, in buckets of doubling width."""
    note: str | None = None
    """Why there are no counts, or not yet, or why a job on this base would fail; else null."""


class TruncationOut(WireOut):
    """What a limit of tokens per example would cut off, at the end of each example."""

    limit: int
    """The limit, in tokens per example."""
    examples: int
    """Examples that are longer."""
    tokens_lost: int
    """Tokens beyond the limit, in all."""
    nothing_left: int = 0
    """Examples that would lose every token that the loss is computed on."""


class AdviceOut(WireOut):
    """A recommended hyperparameter, and why."""

    name: str
    """The hyperparameter."""
    value: float | str
    """The recommended value; "auto" leaves it to the provider."""
    reason: str
    """Why."""


class CostOut(WireOut):
    """One run on one model with "auto" epochs."""

    model: str
    """The base."""
    method: str
    """`supervised`, `dpo` or `reinforcement`."""
    n_epochs: int
    """The epochs that "auto" is expected to choose."""
    billed_tokens: int
    """Tokens of all epochs, each example cut at the model's limit."""
    examples_truncated: int
    """Examples longer than the model's limit."""
    exact_tokens: bool
    """Whether the model's own tokenizer counted; otherwise the count is close."""
    cost_usd: str | None
    """The cost at today's price; null if no price is known or the hours cannot be predicted."""
    note: str | None
    """What to know about this row, such as a price per hour; null for nothing."""


class TrainedOut(WireOut):
    """A model already trained on the same content."""

    id: str
    """The tuned model."""
    job_id: str
    """The job that made it."""
    created_at: int


class ReportOut(WireOut):
    """The result of a file's check, and what training on it costs today."""

    object: Literal["file.report"] = "file.report"
    file_id: str
    status: FileStatus
    """`uploaded` during the check, then `processed` or `error`."""
    format: str | None
    """`chat`, `completion`, `preference` or `reinforcement`, as detected or named; null if none fits."""
    method: str | None
    """The method that the format is for; null without a format."""
    examples: int
    """Lines that are not blank."""
    valid_examples: int
    """Examples without an error."""
    tokens: TokensOut
    """Exact counts over the valid examples."""
    tokens_by_base: list[BaseTokensOut]
    """Counts for bases that have a tokenizer of their own."""
    truncation: list[TruncationOut]
    """What each limit of the catalogue would cut off."""
    errors: list[ProblemOut]
    """The errors that are listed here; GET /v1/files/{file_id}/errors has all of them."""
    error_count: int
    """How many errors there are in all. With one or more, the file cannot be trained on."""
    warnings: list[ProblemOut]
    """The warnings that are listed here."""
    warning_count: int
    """How many warnings there are in all."""
    warning_counts: dict[str, int]
    """How many warnings there are, by code."""
    notes: list[str] = Field(default_factory=list)
    """How the file was read: the format and why it was chosen, the encoding, what was normalised."""
    n_epochs: int
    """The epochs that "auto" is expected to choose."""
    advice: list[AdviceOut]
    """Recommended hyperparameters."""
    costs: list[CostOut]
    """What one run costs on each model that fits, the cheapest first."""
    trained_models: list[TrainedOut] = Field(default_factory=list)
    """Models already trained on the same content."""


def file_out(file: File) -> FileOut:
    """Return the response body of a file."""
    return FileOut(**file_fields(file))


def file_fields(file: File) -> dict[str, Any]:
    """Return the fields of `FileOut`, ready to be encoded; the columns in `queries.SHOWN` are enough."""
    return {
        "object": "file",
        "id": file.id,
        "bytes": file.size_bytes,
        "created_at": unix(file.created_at),
        "expires_at": None if file.expires_at is None else unix(file.expires_at),
        "filename": file.filename,
        "purpose": file.purpose,
        "status": file.status,
        "status_details": file.status_details,
    }


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
