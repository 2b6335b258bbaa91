"""Builds the documentation's site: the pages in `docs/`, and a reference that is made from the code.

`make docs` runs it, then Zensical, which fails on a dead link.
"""
