"""People who use the pages: their sessions, and the links with which they sign in."""
