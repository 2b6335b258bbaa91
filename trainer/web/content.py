"""Checks files and their parameters when they are uploaded."""

from __future__ import annotations

from pathlib import Path

import msgspec

from trainer.dialect import ProviderDialect
from trainer.errors import bad_request

PURPOSES = frozenset({"assistants", "batch", "fine-tune", "vision", "user_data", "evals"})
_BOM = b"\xef\xbb\xbf"
_SECONDS = range(3600, 2_592_001)


def check_purpose(purpose: str | None) -> str:
    """The purpose; raises a 400 `ApiError` for one that OpenAI does not know."""
    if purpose not in PURPOSES:
        raise bad_request(f"'{purpose}' is not one of {sorted(PURPOSES)} - 'purpose'", "purpose")
    return purpose


def check_filename(filename: str | None, purpose: str) -> str:
    """The name without its folders; raises a 400 `ApiError` for training data that is no .jsonl."""
    name = Path(filename or "").name
    if not name or len(name) > 255:
        raise bad_request("The file needs a name of at most 255 characters.", "file")
    if purpose == "fine-tune" and not name.lower().endswith(".jsonl"):
        raise bad_request("Invalid file format for Fine-Tuning API. Must be .jsonl", "file")
    return name


def check_expiry(anchor: str | None, seconds: str | None) -> int | None:
    """Seconds after creation, None for a file that stays; raises a 400 `ApiError`."""
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise bad_request("'expires_after.anchor' must be 'created_at'.", "expires_after.anchor")
    if seconds is None or not seconds.isascii() or not seconds.isdigit() or int(seconds) not in _SECONDS:
        message = f"'expires_after.seconds' must be from {_SECONDS[0]} to {_SECONDS[-1]}."
        raise bad_request(message, "expires_after.seconds")
    return int(seconds)


def check_content(path: Path, purpose: str, dialect: ProviderDialect) -> None:
    """Refuse training data whose lines are not JSON objects, line by line, as OpenAI does at upload."""
    if purpose != "fine-tune":
        return
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
    with path.open("rb") as file:
        has_bom = file.read(3) == _BOM
        if dialect.requires_bom and not has_bom:
            raise bad_request("The file must be encoded in UTF-8 with a byte-order mark (BOM).", "file")
        file.seek(3 if has_bom else 0)
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                decoder.decode(line.decode())  # raw values are skipped unread, so UTF-8 is checked apart
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise _not_a_dictionary(number, line) from error
    if path.stat().st_size == 0:
        raise bad_request("File is empty.", "file")


def _not_a_dictionary(number: int, line: bytes) -> Exception:
    start = line[:20].decode("utf-8", "replace").rstrip("\n")
    return bad_request(
        "Expected file to have JSONL format, where every line is a JSON dictionary."
        f' Line {number} is not a dictionary (HINT: line starts with: "{start}...").'
    )
