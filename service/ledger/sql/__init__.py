"""The ledger's functions, views and triggers in SQL, created by migrations (see `migrations/scripts.py`)."""
