"""The audit log's function in SQL, created by migrations (see `migrations/scripts.py`)."""
