"""The manifest of a saved model: its files with their hashes, written last.

A folder without it was never finished; a file that differs from it was damaged since.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from trainer.settings import BaseIdentity

_NAME = "tunehouse.json"


class CorruptModelError(Exception):
    """The folder differs from the model that was written there; the message contains no path."""


class Manifest(msgspec.Struct, kw_only=True):
    """`kind` is adapter, full or classifier; `over` is the folder an adapter lies on, relative to its own.

    An adapter without `over` lies on the base. `identity` is that of the base that training began with.
    `preprocessing` names what is done to a text before a classifier reads it. `files` maps names to sha256.
    """

    kind: str
    base: str
    identity: BaseIdentity | None = None
    preprocessing: str | None = None
    over: str | None = None
    labels: list[str] = []
    files: dict[str, str] = {}


def finish(folder: Path, manifest: Manifest) -> None:
    """Hash the files in the folder and write the manifest, which makes the folder a model."""
    manifest.files = {f.name: _hash(f) for f in sorted(folder.iterdir()) if f.is_file() and f.name != _NAME}
    temporary = folder / f".{_NAME}"
    with temporary.open("wb") as file:
        file.write(msgspec.json.encode(manifest))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / _NAME)


def read(folder: Path) -> Manifest:
    """The manifest of a model whose files are all as written; raises `CorruptModelError`."""
    try:
        manifest = msgspec.json.decode((folder / _NAME).read_bytes(), type=Manifest)
        damaged = [name for name, digest in manifest.files.items() if _hash(folder / name) != digest]
    except (OSError, msgspec.MsgspecError) as error:
        raise CorruptModelError("The model's files are incomplete.") from error
    if damaged:
        raise CorruptModelError(f"The model's file {damaged[0]} is damaged.")
    return manifest


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
