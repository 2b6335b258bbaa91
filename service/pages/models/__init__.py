"""Models, their families, the aliases that point at them, and their shutdowns."""
