"""What providers without OpenAI's wire have in common: the parts of the port that they lack."""

import weakref
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, BinaryIO

from service.core.clock import known_unix
from service.providers.errors import Gone, Rejected
from service.providers.hosting import NoHosting
from service.providers.kinds.capabilities import capabilities_of
from service.providers.port import LineCounts, ProviderJob, WebhookHint
from service.providers.rest import Rest
from service.providers.scrub import make_clean
from service.settings import ProviderSettings


class RestProvider(NoHosting):
    """A provider reached by `Rest`; subclasses have the rest of the port."""

    def __init__(self, settings: ProviderSettings, root: str) -> None:
        self.name = settings.name
        self.kind: str = settings.kind
        self.settings = settings
        self.capabilities = capabilities_of(settings.kind)
        self._clean = make_clean((settings.api_key.get_secret_value(),), settings.base_url)
        self._rest = self._opened(root)
        # Closed with its last user, as in `openai_wire`.
        self._closing = weakref.finalize(self, self._rest.close)

    def _opened(self, root: str) -> Rest:
        return Rest(self.settings, root, self._clean)

    def close(self) -> None:
        self._closing()

    def read_file(self, file_id: str) -> bytes:
        raise Rejected("This provider has no result files.", code="no_result_files")

    def pause_job(self, job_id: str) -> ProviderJob:
        raise Rejected("This provider cannot pause jobs.", code="action_not_supported")

    def resume_job(self, job_id: str) -> ProviderJob:
        raise Rejected("This provider cannot resume jobs.", code="action_not_supported")

    def count_tokens(self, model: str, examples: Sequence[Mapping[str, Any]]) -> LineCounts | None:
        return None

    def costs_usd(self, start: datetime, end: datetime) -> Decimal | None:
        return None

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookHint:
        raise Rejected("This provider sends no webhooks.", code="webhook_not_configured")

    def _delete(self, path: str) -> None:
        try:
            self._rest.delete(path)
        except Gone:
            return


def moment_of(value: object) -> datetime | None:
    """An ISO 8601 time or unix seconds as a moment; None for anything else."""
    if isinstance(value, int | float):
        return None if isinstance(value, bool) else known_unix(value)
    try:
        found = datetime.fromisoformat(str(value))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (OverflowError, ValueError):
        return None


def count_of(value: object) -> int | None:
    """A count, also as a text of digits (int64 in JSON); None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 16:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2**53:
        return value
    return None


def measure(content: BinaryIO) -> tuple[int, int]:
    """The size in bytes and the number of lines that are not blank. Leaves the file at its start."""
    content.seek(0)
    size_bytes = lines = 0
    for line in content:
        size_bytes += len(line)
        lines += bool(line.strip())
    content.seek(0)
    return size_bytes, lines
