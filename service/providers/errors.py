"""What can go wrong between us and a provider, as the three cases that callers must tell apart.

    ProviderError
    ├── Rejected         the provider understood and said no; sending it again changes nothing
    │   ├── Gone         the thing is not there (404)
    │   └── WoundDown    the provider takes no new training jobs at all (403 training_not_available)
    ├── Retryable        surely nothing happened; send it again later
    │   └── Throttled    a limit was met (429): which one is in `code`, when to come back in `retry_after_s`
    └── OutcomeUnknown   it may or may not have happened; look before sending again

Messages are scrubbed of the provider's key and of its organisation's names before they get here.
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
    """The request surely had no effect; it can be sent again later."""


class Throttled(Retryable):
    """The provider's limit was met; `code` says which."""


class OutcomeUnknown(ProviderError):
    """The request may have had its effect, but no answer came."""
