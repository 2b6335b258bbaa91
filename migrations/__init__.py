"""Migrations of the database schema, run by `tunehouse migrate`."""

REVISION = "0001"  # of the newest file in `versions/`
