"""Any server that speaks OpenAI's fine-tuning wire, another Tunehouse included."""

from service.providers.openai_wire import OpenAIWire
from service.providers.port import ProviderJobSpec


class CompatibleWire(OpenAIWire):
    """OpenAI's wire at a server of unknown make; creates carry an `Idempotency-Key`, which it may honor."""

    def _create_headers(self, spec: ProviderJobSpec) -> dict[str, str]:
        return super()._create_headers(spec) | {"Idempotency-Key": f"create-{spec.stamp}"}
