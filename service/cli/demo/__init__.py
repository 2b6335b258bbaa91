"""`tunehouse demo`: a walkthrough of the service with two teams that checks every step."""
