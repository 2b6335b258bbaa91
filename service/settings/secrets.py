"""Settings that are secrets: where they may come from, what they must be."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr


def _resolve(secret: SecretStr) -> SecretStr:
    """Follow `env:NAME` and `file:/path`, so that no secret need stand in a file or process list."""
    source, _, where = secret.get_secret_value().partition(":")
    if source == "env":
        if where not in os.environ:
            raise ValueError(f"names the environment variable {where}, which is not set")
        return SecretStr(os.environ[where])
    if source == "file":
        try:
            return SecretStr(Path(where).read_text().strip())
        except OSError as unreadable:
            raise ValueError(f"names the file {where}, which cannot be read: {unreadable}") from unreadable
    return secret


Secret = Annotated[SecretStr, AfterValidator(_resolve)]


def _check_key(secret: SecretStr) -> SecretStr:
    key = secret.get_secret_value()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("is empty or holds characters that no HTTP header can carry")
    return secret


Key = Annotated[Secret, AfterValidator(_check_key)]
