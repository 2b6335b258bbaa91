"""Secret settings: read from `env:NAME` or `file:/path`, and refused when malformed or weak."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr

_SHORTEST_KEY = 24
_FEWEST_CHARACTERS = 8  # different ones; random keys of 24 characters have more than 12


class FileSecret(SecretStr):
    """A secret read from a file, which may be replaced while the process runs; see `current`."""

    def __init__(self, path: Path) -> None:
        """Raises `OSError` when the file cannot be read."""
        super().__init__(path.read_text().strip())
        self._path = path

    def current(self) -> SecretStr:
        """The file's content now, or its last valid content while it is missing, empty or half written."""
        try:
            text = self._path.read_text().strip()
        except (OSError, UnicodeDecodeError):
            text = ""
        if _fits_header(text):
            self._secret_value = text
        return SecretStr(self._secret_value)


def _resolve(secret: SecretStr) -> SecretStr:
    """Follow `env:NAME` and `file:/path`, which keep secrets out of settings files and process lists."""
    source, _, where = secret.get_secret_value().partition(":")
    if source == "env":
        if where not in os.environ:
            raise ValueError(f"refers to the environment variable {where}, which is not set")
        return SecretStr(os.environ[where])
    if source == "file":
        try:
            return FileSecret(Path(where))
        except (OSError, UnicodeDecodeError) as unreadable:
            raise ValueError(
                f"refers to the file {where}, which cannot be read: {unreadable}"
            ) from unreadable
    return secret


def _fits_header(key: str) -> bool:
    return bool(key) and key.isascii() and key.isprintable() and " " not in key


def _check_key(secret: SecretStr) -> SecretStr:
    if not _fits_header(secret.get_secret_value()):
        raise ValueError("is empty or contains characters that are not allowed in an HTTP header")
    return secret


def _check_strength(secret: SecretStr) -> SecretStr:
    """Refuse a key that can be guessed, because it gives access to every team."""
    key = secret.get_secret_value()
    if len(key) < _SHORTEST_KEY or len(set(key)) < _FEWEST_CHARACTERS:
        raise ValueError(
            f"is too weak: an admin key needs at least {_SHORTEST_KEY} characters, {_FEWEST_CHARACTERS} of "
            "them different. Create one with `openssl rand -hex 24`"
        )
    return secret


Secret = Annotated[SecretStr, AfterValidator(_resolve)]
Key = Annotated[Secret, AfterValidator(_check_key)]
AdminKey = Annotated[Key, AfterValidator(_check_strength)]
