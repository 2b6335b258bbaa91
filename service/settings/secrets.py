"""Settings that are secrets: where they come from, and which values are refused."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr

_SHORTEST_KEY = 24
_FEWEST_CHARACTERS = 8  # different ones; random keys of 24 characters have more than 12


class FileSecret(SecretStr):
    """The content of a file; `current` follows a file that is replaced while the process runs."""

    def __init__(self, path: Path) -> None:
        """Raises `OSError` when the file cannot be read."""
        super().__init__(path.read_text().strip())
        self._path = path

    def current(self) -> SecretStr:
        """What the file holds now; the last known content while it is missing, empty or half written."""
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
            raise ValueError(f"names the environment variable {where}, which is not set")
        return SecretStr(os.environ[where])
    if source == "file":
        try:
            return FileSecret(Path(where))
        except (OSError, UnicodeDecodeError) as unreadable:
            raise ValueError(f"names the file {where}, which cannot be read: {unreadable}") from unreadable
    return secret


def _fits_header(key: str) -> bool:
    return bool(key) and key.isascii() and key.isprintable() and " " not in key


def _check_key(secret: SecretStr) -> SecretStr:
    if not _fits_header(secret.get_secret_value()):
        raise ValueError("is empty or has characters that an HTTP header cannot carry")
    return secret


def _check_strength(secret: SecretStr) -> SecretStr:
    """Whoever guesses this key owns every team, so one that can be guessed stops the start."""
    key = secret.get_secret_value()
    if len(key) < _SHORTEST_KEY or len(set(key)) < _FEWEST_CHARACTERS:
        raise ValueError(
            f"is too weak: an admin key has at least {_SHORTEST_KEY} characters, {_FEWEST_CHARACTERS} of "
            "them different. Make one with `openssl rand -hex 24`"
        )
    return secret


Secret = Annotated[SecretStr, AfterValidator(_resolve)]
Key = Annotated[Secret, AfterValidator(_check_key)]
AdminKey = Annotated[Key, AfterValidator(_check_strength)]
