"""What can go wrong between us and a provider, as the three cases that callers must tell apart.

    ProviderError
    ├── Rejected         the provider understood and said no; sending it again changes nothing
    │   ├── Gone         the thing is not there (404)
    │   └── WoundDown    the provider takes no new training jobs at all (403 training_not_available)
    ├── Retryable        surely nothing happened, or again does no harm; send it again later
    │   ├── Throttled    a limit was met (429): which one is in `code`, when to come back in `retry_after_s`
    │   ├── KeyRefused   our key is not accepted (401): waits until an operator has put it right
    │   └── NotConfigured  the settings name no such provider (any more)
    └── OutcomeUnknown   it may or may not have happened; look before sending again

Only `upload_file`, `create_job`, `cancel_job`, `pause_job` and `resume_job` raise `OutcomeUnknown` for an
answer that did not come, and `find_job` and `find_file` when they could not look far enough back.

Messages are scrubbed of keys, organisations and projects before they get here, but may still hold the
provider's ids of files, jobs and models: `scrub.rename_ids` turns those into ours before a team sees them.
"""


class ProviderError(Exception):
    """A call to a provider did not work."""

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
    """The provider does not have it, or not any more."""


class WoundDown(Rejected):
    """The provider takes no new training jobs from us, ever again."""


class Retryable(ProviderError):
    """The request can be sent again later: it had no effect, or a second time does no harm."""


class Throttled(Retryable):
    """The provider's limit was met; `code` says which."""


class KeyRefused(Retryable):
    """The provider does not accept our key; an operator has to act."""


class NotConfigured(Retryable):
    """No provider of that name is configured at present."""


class OutcomeUnknown(ProviderError):
    """The request may have had its effect, but no answer came."""
