"""Find rows that a training and a validation file share: their loss measures memory, not learning."""

from typing import TYPE_CHECKING

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.dataset.problems import Flaw, Problem, on_line
from service.files.tables import ContentRows, File

if TYPE_CHECKING:
    from service.dataset.warnings.finder import Rows

CODE = "shared_with_validation"
_NAMED = 5


def record_rows(session: Session, file: File, rows: "Rows") -> None:
    """Store the hashes of a content's rows, once for all files with that content."""
    values = {
        "team_id": file.team_id,
        "sha256": file.sha256,
        "level": rows.level,
        "hashes": rows.hashes.astype("<u8").tobytes(),
        "lines": rows.lines.astype("<u4").tobytes(),
    }
    session.execute(insert(ContentRows).values(values).on_conflict_do_nothing())


def shared_lines(session: Session, training: File, validation: File) -> list[int]:
    """Return the lines of the training file that are also in the validation file, in ascending order.

    Only a sample of the rows of files with over half a million is compared. Empty until both are checked.
    """
    ours, theirs = (session.get(ContentRows, (file.team_id, file.sha256)) for file in (training, validation))
    if ours is None or theirs is None:
        return []
    import numpy as np

    level = np.uint64(2 ** max(ours.level, theirs.level) - 1)
    wanted, known = (np.frombuffer(rows.hashes, "<u8") for rows in (ours, theirs))
    same = np.isin(wanted, known) & ((wanted & level) == 0)
    return sorted(np.frombuffer(ours.lines, "<u4")[same].tolist())


def shared_rows(session: Session, training: File, validation: File, most: int) -> tuple[list[Problem], int]:
    """Return the shared lines as warnings, at most `most`, and their total number."""
    lines = shared_lines(session, training, validation)
    words = f"is also in the validation file {validation.id}"
    return [on_line(line, Flaw("", CODE, words)) for line in lines[:most]], len(lines)


def shared_sentence(session: Session, training: File, validation: File) -> str | None:
    """Return a one-sentence warning for a job that uses both files; None when they share no rows."""
    lines = shared_lines(session, training, validation)
    if not lines:
        return None
    named = ", ".join(map(str, lines[:_NAMED])) + ("" if len(lines) <= _NAMED else ", …")
    return (
        f"{len(lines)} training examples are also in the validation file, so the validation loss looks "
        f"better than it is: lines {named} of {training.id}. Remove them from one of the files."
    )
