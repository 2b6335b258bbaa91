"""Which base a name stands for: a hash of its weights, configuration and tokenizer, its revision and licence.

A name can come to stand for another base at any restart of the trainer; a tuned model may not.
"""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from pathlib import Path

import msgspec

from trainer.settings import BaseIdentity, OfferedBase

_SHAPE = ("config.json",)
_TOKENIZER = (
    *("added_tokens.json", "chat_template.jinja", "chat_template.json", "merges.txt"),
    *("sentencepiece.bpe.model", "special_tokens_map.json", "spiece.model", "tokenizer.json"),
    *("tokenizer.model", "tokenizer_config.json", "vocab.json", "vocab.txt"),
)
_NO_WORDS = ("other", "unknown", "")  # what a model card says in place of a licence


class _HashedFile(msgspec.Struct):
    size: int
    mtime_ns: int
    sha256: str


class Identities:
    """Identities of bases by their folders; each file is hashed once, until it changes."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._known: dict[Path, BaseIdentity] = {}

    def identify(self, base: OfferedBase) -> OfferedBase:
        """The base with its identity. The first call reads all of its weights. Raises OSError."""
        if base.path is None:
            raise RuntimeError(f"the base {base.name} has no folder")
        with self._lock:
            if base.path not in self._known:
                self._known[base.path] = self._read(base.path)
            return dataclasses.replace(base, identity=self._known[base.path])

    def _read(self, folder: Path) -> BaseIdentity:
        hashed = self._load()
        whole = hashlib.sha256()
        for path in _files(folder):
            stat = path.stat()
            known = hashed.get(str(path))
            if known is None or (known.size, known.mtime_ns) != (stat.st_size, stat.st_mtime_ns):
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                known = hashed[str(path)] = _HashedFile(stat.st_size, stat.st_mtime_ns, digest)
            whole.update(f"{path.name} {known.sha256}\n".encode())
        self._store(hashed)
        return BaseIdentity(whole.hexdigest(), _revision(folder), _licence(folder))

    def _load(self) -> dict[str, _HashedFile]:
        try:
            return msgspec.json.decode(self._cache.read_bytes(), type=dict[str, _HashedFile])
        except (OSError, msgspec.MsgspecError):
            return {}  # hashed again

    def _store(self, hashed: dict[str, _HashedFile]) -> None:
        temporary = self._cache.with_suffix(".part")
        temporary.write_bytes(msgspec.json.encode(hashed))
        temporary.replace(self._cache)


def _files(folder: Path) -> list[Path]:
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    named = [folder / name for name in (*_SHAPE, *_TOKENIZER)]
    return [path for path in (*named, *weights) if path.is_file()]


def _revision(folder: Path) -> str | None:
    """The commit of a model from the hub, whose cache keeps it in `snapshots/COMMIT`."""
    return folder.name if folder.parent.name == "snapshots" else None


def _licence(folder: Path) -> str | None:
    """The licence in the front matter of the model card."""
    try:
        lines = (folder / "README.md").read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    if not lines or lines[0].strip() != "---":
        return None
    found = {}
    for line in lines[1:]:
        if line.strip() == "---":
            break
        key, _, value = line.partition(":")
        found[key.strip()] = value.strip().strip("\"'")
    licence = found.get("license", "")
    return found.get("license_name") if licence in _NO_WORDS else licence
