"""Why a file cannot be converted."""


class Unreadable(Exception):
    """A source that cannot be converted; the message names the place, the cause and the way out."""
