"""SQL functions of the core."""
