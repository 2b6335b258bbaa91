"""Prometheus metrics of one process: what is counted, and how it is written out."""
