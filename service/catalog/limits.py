"""How many jobs a provider accepts for a base model: at once, and per day."""

from dataclasses import dataclass

from service.catalog import models
from service.providers.registry import provider_settings

ANY_MODEL = "*"


@dataclass(frozen=True)
class JobLimits:
    """Limits on jobs for one base model. None means unknown; the provider may still have a limit."""

    concurrent: int | None = None
    per_day: int | None = None

    @property
    def known(self) -> bool:
        """Whether any limit is known."""
        return self.concurrent is not None or self.per_day is not None


def job_limits(provider: str, base_model: str) -> JobLimits:
    """The limits on jobs for `base_model`: the operator's own `job_limits`, else the catalogue's.

    Raises `NotConfigured` for an unknown provider.
    """
    settings = provider_settings(provider)
    own = settings.job_limits.get(base_model) or settings.job_limits.get(ANY_MODEL)
    if own is not None:
        return JobLimits(own.concurrent, own.per_day)
    base = models.find(settings.kind, base_model)
    return JobLimits() if base is None else JobLimits(base.concurrent_jobs, base.jobs_per_day)
