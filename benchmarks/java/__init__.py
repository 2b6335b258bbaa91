"""A check by a client that no Python test has: Java's HttpClient."""
