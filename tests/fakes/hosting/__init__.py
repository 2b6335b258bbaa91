"""What the vendors imitated here serve, and what it costs."""
