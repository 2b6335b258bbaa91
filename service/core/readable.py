"""Names that people read: in pages, in the audit log, in exports. Pure."""

import unicodedata

# Control and formatting characters, such as those that reverse the direction of what follows; line and
# paragraph separators; private use; halves of surrogate pairs.
_UNREADABLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Co", "Cs"})
_JOINERS = "\u200c\u200d"  # parts of words in Persian and Indic scripts, and of emoji


def is_readable(name: str) -> bool:
    """Whether a name has something to see, and nothing that is invisible or changes how the rest is shown."""
    if any(unicodedata.category(one) in _UNREADABLE and one not in _JOINERS for one in name):
        return False
    return any(not one.isspace() and one not in _JOINERS for one in name)
