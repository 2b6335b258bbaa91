"""An HTTP server that speaks OpenAI's fine-tuning API; of the service it imports the dataset rules alone."""
