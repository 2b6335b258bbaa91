"""Checks that every request passes before the application sees it: headers, then the key, then the body."""
