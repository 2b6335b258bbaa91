"""Metrics of the worker, and of the whole installation, on a port of the worker's own."""
