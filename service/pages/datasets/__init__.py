"""Datasets: the list, uploads, and one dataset's report."""
