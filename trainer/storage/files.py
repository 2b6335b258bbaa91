"""The contents of files, on disk."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from trainer.clock import Clock
from trainer.ids import new_id
from trainer.storage.records import FileRecord
from trainer.storage.store import Store


class Files:
    """Keeps each file's content under `files/{id}`; a row exists only once its content is complete."""

    def __init__(self, root: Path, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._folders = {name: root / name for name in ("files", "parts", "tmp", "models")}
        for folder in self._folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        for leftover in self._folders["tmp"].iterdir():
            leftover.unlink()

    def path(self, file_id: str) -> Path:
        """The path of a file's content, which may not exist."""
        return self._folders["files"] / file_id

    def part_path(self, part_id: str) -> Path:
        """The path of an upload's part."""
        return self._folders["parts"] / part_id

    def model_path(self, folder: str) -> Path:
        """The path of a tuned model."""
        return self._folders["models"] / folder

    def new_temporary(self) -> Path:
        """A new temporary path for content that is being received."""
        return self._folders["tmp"] / secrets.token_hex(12)

    def adopt(
        self, temporary: Path, filename: str, purpose: str, *, expires_after_s: int | None = None
    ) -> FileRecord:
        """Turn complete content into a file, and write its row."""
        now = self._clock.now_s()
        record = FileRecord(
            id=new_id("file-", 22),
            filename=filename,
            purpose=purpose,
            size_bytes=temporary.stat().st_size,
            created_at=now,
            expires_at=None if expires_after_s is None else now + expires_after_s,
        )
        os.replace(temporary, self.path(record.id))
        self._store.files.put(record)
        return record

    def find(self, file_id: str) -> FileRecord | None:
        """The row of a file that exists and has not expired."""
        record = self._store.files.get(file_id)
        if record and record.expires_at is not None and record.expires_at <= self._clock.now():
            self.delete(file_id)
            return None
        return record

    def delete(self, file_id: str) -> None:
        """Remove the row, then the content."""
        self._store.files.delete(file_id)
        self.path(file_id).unlink(missing_ok=True)
