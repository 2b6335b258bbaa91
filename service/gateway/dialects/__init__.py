"""The forms of request and answer that the gateway speaks."""
