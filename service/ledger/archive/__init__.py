"""Closed months whose rows are in a Parquet file in storage instead of in the database."""
