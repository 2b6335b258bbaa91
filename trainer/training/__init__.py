"""The life of a job: created by a route, moved by one background thread."""
