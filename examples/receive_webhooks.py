"""Register a webhook endpoint on this machine, wait for one event, verify it, and clean up.

Set OPENAI_BASE_URL, and OPENAI_API_KEY to a team's key. The service must be allowed to call 127.0.0.1: start
it with TUNEHOUSE_WEBHOOK_ALLOWED_NETWORKS='["127.0.0.1/32"]'. Run this, then start a job elsewhere.
"""

from http.server import BaseHTTPRequestHandler, HTTPServer

from openai import InvalidWebhookSignatureError, OpenAI

client = OpenAI()


class Handler(BaseHTTPRequestHandler):
    """Accepts only signed events."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            event = client.webhooks.unwrap(body, headers, secret=endpoint.signing_secret)
        except InvalidWebhookSignatureError:
            self.send_response(400)
        else:
            print(event.type, event.data.id)
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print events, not requests."""


with HTTPServer(("127.0.0.1", 0), Handler) as server:
    endpoint = client.webhooks.create(
        name="example",
        url=f"http://127.0.0.1:{server.server_port}/hooks",
        event_types=["fine_tuning.job.succeeded", "fine_tuning.job.failed"],
    )
    print("waiting at", endpoint.url)
    server.handle_request()
    client.webhooks.delete(endpoint.id)
