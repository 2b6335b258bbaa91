"""Inference endpoints: chat completions, legacy completions and responses, streaming or not."""
