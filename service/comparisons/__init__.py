"""Compare two models on the same held-out prompts."""
