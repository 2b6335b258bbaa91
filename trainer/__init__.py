"""An HTTP server that speaks OpenAI's fine-tuning wire; it imports nothing of `service` or `worker`."""
