"""Point 6: the service calls the team, and the stock SDK believes that it was the service."""

from openai import InvalidWebhookSignatureError

from service.cli.demo.people import Team
from service.cli.demo.receiver import Receiver
from service.cli.demo.screen import Screen, StoryBroken

_WAIT_S = 30.0


def register(team: Team, receiver: Receiver) -> str:
    """Make an endpoint; returns its signing secret, which is shown this once."""
    endpoint = team.sdk.webhooks.create(
        name="demo", url=receiver.url, event_types=["fine_tuning.job.succeeded"]
    )
    return endpoint.signing_secret


def check(team: Team, receiver: Receiver, secret: str, job_ids: list[str], screen: Screen) -> None:
    """One call for each job, each signed; one that was tampered with is not believed."""
    calls = receiver.wait_for(len(job_ids), _WAIT_S)
    events = [team.sdk.webhooks.unwrap(call.body, call.headers, secret=secret) for call in calls]
    told = {event.data.id for event in events if event.type == "fine_tuning.job.succeeded"}
    screen.claim("A webhook arrived for each of the two jobs", told == set(job_ids), told)
    screen.claim("client.webhooks.unwrap accepts their signatures", True)
    forged = calls[0].body.replace(b"succeeded", b"cancelled")
    try:
        team.sdk.webhooks.unwrap(forged, calls[0].headers, secret=secret)
    except InvalidWebhookSignatureError:
        screen.claim("and refuses one whose body was changed", True)
    else:
        raise StoryBroken("A forged webhook was accepted.")
