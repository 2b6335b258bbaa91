"""Real servers from pip wheels, started and watched on one machine: PostgreSQL, Valkey, and our own processes."""
