"""One-time links to the pages, for anyone who can reach the database."""

from urllib.parse import urlencode

from service.core.db import transaction
from service.people.actions import make_link


def sign_in_url(base_url: str) -> str:
    """Return a link that signs one person in as an admin, once within 15 minutes."""
    with transaction() as session:
        token = make_link(session)
    return f"{base_url.rstrip('/')}/sign-in/link?{urlencode({'token': token})}"
