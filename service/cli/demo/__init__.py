"""`tunehouse demo`: two teams of an invented company live through everything the service does, and check it."""
