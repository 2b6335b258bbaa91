"""The error of everything that starts on one machine."""


class EmbeddedError(Exception):
    """A service cannot start on this machine. The message is one line for the operator."""
