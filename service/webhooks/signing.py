"""Sign webhooks by the Standard Webhooks scheme, which `client.webhooks.unwrap` verifies.

https://www.standardwebhooks.com: base64(HMAC-SHA256(key, "{id}.{timestamp}.{body}")), one `v1,…` for each
valid secret (a rotation has two), separated by spaces.
"""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks.webhooks import Webhook

_PREFIX = "whsec_"
_SECRET_BYTES = 32  # the standard allows 24 to 64
_HINT_LENGTH = 4


def new_secret() -> str:
    """Create a signing secret: `whsec_` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def hint(secret: str) -> str:
    """The last four characters of a secret, so that its owner can recognise it."""
    return f"{_PREFIX}…{secret.rstrip('=')[-_HINT_LENGTH:]}"


def headers(
    message_id: str, sent_at: datetime, body: bytes, signing_secrets: Sequence[str]
) -> dict[str, str]:
    """The three `webhook-…` headers for `body`, signed with each secret; `sent_at` is in UTC."""
    text = body.decode()
    signatures = [Webhook(secret).sign(message_id, sent_at, text) for secret in signing_secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
