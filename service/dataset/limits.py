"""Limits of training files, shared by checks, estimates and the trainer.

Source: OpenAI's fine-tuning guide. An example longer than the model's limit is cut at its end, not refused.
"""

MIN_EXAMPLES = 10
MAX_EXAMPLE_TOKENS = 65_536
