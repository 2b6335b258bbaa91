"""The error of a file that cannot be converted."""


class Unreadable(Exception):
    """The file cannot be converted. The message says where, why, and what to do."""
