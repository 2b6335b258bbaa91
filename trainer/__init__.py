"""An HTTP server with OpenAI's fine-tuning API. From `service` it imports only the dataset rules."""
