"""Rows that two files share: a validation that repeats the training data measures memory, not learning."""

import numpy as np
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.dataset.problems import Flaw, Problem, on_line
from service.dataset.warnings.finder import Rows
from service.files.tables import ContentRows, File

CODE = "shared_with_validation"
_NAMED = 5


def record_rows(session: Session, file: File, rows: Rows) -> None:
    """Keep the hashes of a content's rows, once for all files that hold it."""
    values = {
        "team_id": file.team_id,
        "sha256": file.sha256,
        "level": rows.level,
        "hashes": rows.hashes.astype("<u8").tobytes(),
        "lines": rows.lines.astype("<u4").tobytes(),
    }
    session.execute(insert(ContentRows).values(values).on_conflict_do_nothing())


def shared_lines(session: Session, training: File, validation: File) -> list[int]:
    """The training file's lines that the validation file holds too, rising.

    Of files with over half a million rows only some are compared. Empty while either is unchecked.
    """
    ours, theirs = (session.get(ContentRows, (file.team_id, file.sha256)) for file in (training, validation))
    if ours is None or theirs is None:
        return []
    level = np.uint64(2 ** max(ours.level, theirs.level) - 1)
    wanted, known = (np.frombuffer(rows.hashes, "<u8") for rows in (ours, theirs))
    same = np.isin(wanted, known) & ((wanted & level) == 0)
    return sorted(np.frombuffer(ours.lines, "<u4")[same].tolist())


def shared_rows(session: Session, training: File, validation: File, most: int) -> tuple[list[Problem], int]:
    """The same as warnings, at most so many, and how many there are."""
    lines = shared_lines(session, training, validation)
    words = f"is in the validation file {validation.id} too"
    return [on_line(line, Flaw("", CODE, words)) for line in lines[:most]], len(lines)


def shared_sentence(session: Session, training: File, validation: File) -> str | None:
    """The same in a sentence for whoever makes a job of the two; None when they share nothing."""
    lines = shared_lines(session, training, validation)
    if not lines:
        return None
    named = ", ".join(map(str, lines[:_NAMED])) + ("" if len(lines) <= _NAMED else ", …")
    return (
        f"{len(lines)} of the training examples are in the validation file too, so that its losses tell less "
        f"of what the model learns: lines {named} of {training.id}."
    )
