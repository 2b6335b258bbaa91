"""The first page: what needs attention, what it costs, what is running."""
