"""Tuned models: names, aliases, deployments, lineage and shutdowns."""
