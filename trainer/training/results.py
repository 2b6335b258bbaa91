"""The result file: one CSV row for every step that was told."""

from __future__ import annotations

import csv
import io

from trainer.core import Core
from trainer.records import FileRecord, JobRecord

_SOURCES = {  # OpenAI's and Azure's column names, and the metric each of them shows
    "train_accuracy": "train_mean_token_accuracy",
    "validation_mean_token_accuracy": "valid_mean_token_accuracy",
}


def write_results(core: Core, job: JobRecord) -> FileRecord:
    """Make the file of purpose `fine-tune-results` from the job's metrics events."""
    columns = core.dialect.result_columns
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for event in core.store.events.all(owner=job.id):
        if event.type == "metrics":
            writer.writerow([event.data.get(_SOURCES.get(name, name), "") for name in columns])
    temporary = core.files.new_temporary()
    temporary.write_bytes(core.dialect.encode_results(text.getvalue()))
    return core.files.adopt(temporary, "step_metrics.csv", "fine-tune-results")
