"""Look at what lies in storage and in the table of files."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from openai import OpenAI
from openai.types import FileObject
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.files.tables import File, FileCopy
from tests.support.waiting import wait_until


def contents() -> set[str]:
    """The keys of all contents on disk, half-written ones included."""
    root = Path(urlsplit(os.environ["TUNEHOUSE_STORAGE_URL"]).path)
    return {path.name for path in root.rglob("obj_*")}


def send(sdk: OpenAI, content: bytes, filename: str = "train.jsonl") -> FileObject:
    """Send a training file and wait until it is checked."""
    sent = sdk.files.create(file=(filename, content), purpose="fine-tune")
    return wait_until(lambda: checked(sdk, sent.id))


def checked(sdk: OpenAI, file_id: str) -> FileObject | None:
    """The file, once it is checked."""
    file = sdk.files.retrieve(file_id)
    return file if file.status != "uploaded" else None


def copies_of(session: Session, file: File) -> list[FileCopy]:
    """Every copy of a file's content, at any provider."""
    same = FileCopy.team_id == file.team_id, FileCopy.sha256 == file.sha256
    return list(session.scalars(select(FileCopy).where(*same).order_by(FileCopy.provider)))
