"""A team: its keys and limits, its webhooks, and who did what."""
