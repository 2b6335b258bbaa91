"""Jobs: the list, a new one, and one as it runs."""
