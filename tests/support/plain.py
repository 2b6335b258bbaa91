"""HTTP clients that only ever speak to this machine, without TLS.

Reading the world's certificates takes 20 ms a client, and a test makes several.
"""

import ssl

from openai import DefaultAsyncHttpxClient, DefaultHttpxClient

# It trusts no one, so that an https URL fails rather than passes unverified.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def sdk_client() -> DefaultHttpxClient:
    """The stock SDK's own HTTP client, but for the certificates."""
    return DefaultHttpxClient(verify=NO_CERTIFICATES)


def async_sdk_client() -> DefaultAsyncHttpxClient:
    """Its asynchronous one."""
    return DefaultAsyncHttpxClient(verify=NO_CERTIFICATES)
