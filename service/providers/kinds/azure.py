"""Azure OpenAI's `/openai/v1/` API, where it differs from OpenAI's (as of November 2026)."""

import re
from collections.abc import Mapping
from typing import Any, BinaryIO, ClassVar

from service.providers.kinds.prefixed import WithPrefix
from service.providers.openai_wire import OpenAIWire
from service.providers.port import ProviderJobSpec

_BOM = b"\xef\xbb\xbf"
_SUFFIX_LENGTH = 18
_NOT_IN_SUFFIX = re.compile(r"[^A-Za-z0-9_-]+")


class AzureWire(OpenAIWire):
    """Azure OpenAI: files start with a byte order mark, suffixes are short, statuses have other names."""

    status_names: ClassVar[Mapping[str, str]] = {
        "pending": "validating_files",
        "notRunning": "queued",
        "canceled": "cancelled",
    }

    def _prepare_file(self, content: BinaryIO) -> Any:
        return WithPrefix(content, _BOM)

    def _fit_suffix(self, suffix: str | None) -> str | None:
        """Shorten the suffix for Azure's name of the model; Tunehouse's own name keeps it unchanged."""
        return _NOT_IN_SUFFIX.sub("-", suffix or "")[:_SUFFIX_LENGTH].strip("-") or None

    def _extra_body(self, spec: ProviderJobSpec) -> dict[str, Any] | None:
        kind = self.settings.training_type
        return None if kind is None else {"trainingType": kind}
