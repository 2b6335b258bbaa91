"""Errors of calls to providers, in the three cases that callers must handle differently.

    ProviderError
    ├── Rejected         the provider understood the request and refused it; a retry will not help
    │   ├── Gone         the resource does not exist (404)
    │   └── WoundDown    the provider no longer accepts training jobs (403 training_not_available)
    ├── Retryable        nothing happened, or a repeat is harmless; retry later
    │   ├── Throttled    a limit was reached (429): `code` names it, `retry_after_s` says when to retry
    │   ├── KeyRefused   the provider does not accept our key (401): an operator must fix it
    │   └── NotConfigured  the settings have no provider with this name
    └── OutcomeUnknown   it may have happened; check before retrying

Only `upload_file`, `create_job`, `cancel_job`, `pause_job` and `resume_job` raise `OutcomeUnknown` for a
missing answer; `find_job` and `find_file` raise it if they cannot search far enough back.

Keys, organisations and projects are removed from messages before an error is raised. The provider's ids of
files, jobs and models may remain: `scrub.rename_ids` replaces them with ours before a team sees them.
"""


class ProviderError(Exception):
    """A call to a provider failed."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        self.message = message
        self.status = status
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s
        super().__init__(message)


class Rejected(ProviderError):
    """The provider understood the request and refused it."""


class Gone(Rejected):
    """The resource does not exist at the provider."""


class WoundDown(Rejected):
    """The provider no longer accepts training jobs."""


class Retryable(ProviderError):
    """The request can be retried: it had no effect, or repeating it is harmless."""


class Throttled(Retryable):
    """A limit of the provider was reached; `code` names it."""


class KeyRefused(Retryable):
    """The provider does not accept our key; an operator must fix it."""


class NotConfigured(Retryable):
    """The settings have no provider with this name."""


class OutcomeUnknown(ProviderError):
    """The request may have succeeded, but no answer arrived."""
