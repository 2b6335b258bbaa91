"""Only genuine webhooks are heard, and even those are only hints."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from service.providers.errors import Rejected
from service.providers.port import WebhookHint
from tests.providers.raw_server import provider_at

SECRET = "whsec_" + base64.b64encode(b"a secret of these tests only").decode()
BODY = json.dumps({"id": "evt_1", "type": "fine_tuning.job.succeeded", "data": {"id": "ftjob-1"}}).encode()
PROVIDER = provider_at("https://api.openai.com/v1", webhook_secret=SECRET)


def sign(body: bytes, sent_at: datetime | None = None, secret: str = SECRET) -> dict[str, str]:
    """The headers of a webhook, by another implementation of the scheme."""
    moment = sent_at or datetime.now(UTC)
    return {
        "Webhook-Id": "wh_1",
        "Webhook-Timestamp": str(int(moment.timestamp())),
        "Webhook-Signature": Webhook(secret).sign("wh_1", moment, body.decode()),
    }


def refusal(body: bytes, headers: dict[str, str], provider: Any = PROVIDER) -> str | None:
    with pytest.raises(Rejected) as raised:
        provider.verify_webhook(body, headers)
    return raised.value.code


def test_a_genuine_webhook_hints_at_a_job() -> None:
    hint = PROVIDER.verify_webhook(BODY, sign(BODY))

    assert hint == WebhookHint("wh_1", "fine_tuning.job.succeeded", "ftjob-1")


def test_one_good_signature_among_several_suffices() -> None:
    headers = sign(BODY)
    headers["Webhook-Signature"] = f"v1,AAAA {headers['Webhook-Signature']}"

    assert PROVIDER.verify_webhook(BODY, headers).webhook_id == "wh_1"


@pytest.mark.parametrize("header", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
@pytest.mark.parametrize("value", [None, "", "nonsense", "v1,\xe4\xf6\xfc", "9" * 5000])
def test_a_header_missing_or_made_up_is_refused(header: str, value: str | None) -> None:
    headers = sign(BODY)
    if value is None:
        del headers[header]
    else:
        headers[header] = value

    assert refusal(BODY, headers) == "webhook_not_genuine"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_webhook_from_another_time_is_refused(minutes: int) -> None:
    assert refusal(BODY, sign(BODY, datetime.now(UTC) + timedelta(minutes=minutes))) == "webhook_not_genuine"


def test_a_changed_body_is_refused() -> None:
    assert refusal(BODY.replace(b"ftjob-1", b"ftjob-2"), sign(BODY)) == "webhook_not_genuine"


def test_a_body_that_is_no_text_is_refused() -> None:
    assert refusal(b"\xff\xfe", sign(BODY)) == "webhook_not_genuine"


def test_anothers_secret_is_refused() -> None:
    other = "whsec_" + base64.b64encode(b"another secret").decode()

    assert refusal(BODY, sign(BODY, secret=other)) == "webhook_not_genuine"


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"type":"x","data":null}', b'{"type":1,"data":{"id":"j"}}'])
def test_a_genuine_webhook_about_nothing_is_malformed(body: bytes) -> None:
    assert refusal(body, sign(body)) == "webhook_malformed"


def test_without_a_secret_every_webhook_is_refused() -> None:
    assert refusal(BODY, sign(BODY), provider_at("https://api.openai.com/v1")) == "webhook_not_configured"
