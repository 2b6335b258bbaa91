"""Scripted servers that imitate the vendors' APIs over HTTP, with their deviations and their bad days."""
