"""Chapter 6: webhooks arrive, and the stock SDK verifies their signatures."""

from openai import InvalidWebhookSignatureError

from service.cli.demo.people import DemoTeam
from service.cli.demo.receiver import Receiver
from service.cli.demo.screen import DemoFailed, Screen

_WAIT_S = 30.0


def register(team: DemoTeam, receiver: Receiver) -> str:
    """Create an endpoint and return its signing secret."""
    endpoint = team.sdk.webhooks.create(
        name="demo", url=receiver.url, event_types=["fine_tuning.job.succeeded"]
    )
    return endpoint.signing_secret


def check(team: DemoTeam, receiver: Receiver, secret: str, job_ids: list[str], screen: Screen) -> None:
    """Check that each job sent a signed webhook, and that a forged one is refused."""
    calls = receiver.wait_for(len(job_ids), _WAIT_S)
    events = [team.sdk.webhooks.unwrap(call.body, call.headers, secret=secret) for call in calls]
    succeeded = {event.data.id for event in events if event.type == "fine_tuning.job.succeeded"}
    screen.claim("A webhook arrived for each of the two jobs", succeeded == set(job_ids), succeeded)
    screen.claim("client.webhooks.unwrap accepts the signatures", True)
    forged = calls[0].body.replace(b"succeeded", b"cancelled")
    try:
        team.sdk.webhooks.unwrap(forged, calls[0].headers, secret=secret)
    except InvalidWebhookSignatureError:
        screen.claim("and refuses a forged body", True)
    else:
        raise DemoFailed("A forged webhook was accepted.")
