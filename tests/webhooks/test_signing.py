"""Signatures, held against the two libraries that receivers use."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import InvalidWebhookSignatureError, OpenAI
from standardwebhooks.webhooks import Webhook

from service.webhooks.deliveries.payload import render
from service.webhooks.signing import headers, hint, new_secret

CLIENT = OpenAI(api_key="unused", base_url="http://127.0.0.1:1/v1")


def _body(text: str = "ftjob-abc") -> bytes:
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    return render(
        event_id="ftevent-abc", type="fine_tuning.job.succeeded", subject_id=text, created_at=moment
    )


def test_a_secret_holds_32_random_bytes() -> None:
    one, other = new_secret(), new_secret()
    assert one.startswith("whsec_")
    assert len(base64.b64decode(one.removeprefix("whsec_"))) == 32
    assert one != other


def test_a_hint_shows_four_characters_of_a_secret() -> None:
    secret = new_secret()
    assert hint(secret) == "whsec_…" + secret.rstrip("=")[-4:]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_sdk_and_the_reference_library_accept_every_body(text: str) -> None:
    secret, body = new_secret(), _body(text)
    sent = headers("wh_abc", datetime.now(UTC), body, [secret])
    assert CLIENT.webhooks.unwrap(body, sent, secret=secret).data.id == text
    Webhook(secret).verify(body, sent)


def test_during_a_rotation_both_secrets_verify() -> None:
    new, old, body = new_secret(), new_secret(), _body()
    sent = headers("wh_abc", datetime.now(UTC), body, [new, old])
    assert len(sent["webhook-signature"].split()) == 2
    for secret in (new, old):
        CLIENT.webhooks.verify_signature(body, sent, secret=secret)


def test_another_secret_body_or_id_does_not_verify() -> None:
    secret, body = new_secret(), _body()
    sent = headers("wh_abc", datetime.now(UTC), body, [secret])
    for changed_body, changed_headers, changed_secret in (
        (body + b" ", sent, secret),
        (body, sent | {"webhook-id": "wh_abd"}, secret),
        (body, sent, new_secret()),
    ):
        with pytest.raises(InvalidWebhookSignatureError):
            CLIENT.webhooks.verify_signature(changed_body, changed_headers, secret=changed_secret)
