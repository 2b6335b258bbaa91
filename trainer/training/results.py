"""The result file: one CSV row for each reported step."""

from __future__ import annotations

import csv
import io

from trainer.core import Core
from trainer.storage.records import FileRecord, JobRecord
from trainer.training.spec import build_spec

_SOURCES = {  # OpenAI's and Azure's column names, and the metric each of them shows
    "train_accuracy": "train_mean_token_accuracy",
    "validation_mean_token_accuracy": "valid_mean_token_accuracy",
}


def write_results(core: Core, job: JobRecord) -> list[FileRecord]:
    """Make the files of purpose `fine-tune-results`: the job's metrics events, then the engine's own."""
    files = [_adopt(core, "step_metrics.csv", _list_steps(core, job))]
    extra = core.engine.result_files(build_spec(core, job))
    return files + [_adopt(core, name, content.decode()) for name, content in extra.items()]


def _list_steps(core: Core, job: JobRecord) -> str:
    columns = (*core.dialect.result_columns, *core.engine.result_columns)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for event in core.store.events.all(owner=job.id):
        if event.type == "metrics":
            writer.writerow([event.data.get(_SOURCES.get(name, name), "") for name in columns])
    return text.getvalue()


def _adopt(core: Core, name: str, text: str) -> FileRecord:
    temporary = core.files.new_temporary()
    temporary.write_bytes(core.dialect.encode_results(text))
    return core.files.adopt(temporary, name, "fine-tune-results")
