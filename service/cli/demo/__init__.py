"""`tunehouse demo`: two teams live through everything the service does, and each claim is checked."""
