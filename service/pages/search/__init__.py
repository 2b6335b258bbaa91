"""The search box: anything by its id or a part of its name."""
