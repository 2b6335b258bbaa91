class EmbeddedError(Exception):
    """Something on this machine keeps an embedded service from starting; the message is one clear line."""
