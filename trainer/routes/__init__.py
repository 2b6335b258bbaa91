"""One module per resource of the wire."""
