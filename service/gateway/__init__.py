"""Inference: a caller's request, priced and held, to its provider and back."""
