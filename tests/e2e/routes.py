"""Every route of the service, as its own OpenAPI tells them."""

from collections.abc import Iterator

from tests.support.service import Service

# These ask for no key: whether the process lives, what it offers, and the providers' signed calls.
PUBLIC = {"/healthz", "/readyz", "/status", "/metrics", "/webhooks/{provider}"}


def routes_of(service: Service) -> Iterator[tuple[str, str]]:
    """Method (in lower case) and path template of each."""
    described = service.admin.get("/openapi.json").json()
    for path, operations in described["paths"].items():
        for method in operations:
            yield method, path
