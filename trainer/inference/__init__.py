"""Answers over the wire: chat completions, legacy completions, responses, each as one body or a stream."""
