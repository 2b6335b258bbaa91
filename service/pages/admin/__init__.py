"""Pages for administrators: status, providers, work, teams, and charges to review."""
