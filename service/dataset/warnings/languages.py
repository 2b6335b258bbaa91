"""Detect a text's language by its script, and by common words for scripts with several languages."""

import re

_LOOKED_AT = 400
_MIN_LETTERS = 8
_SCRIPTS = (
    ("Japanese", re.compile("[\u3040-\u30ff]")),
    ("Korean", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("Chinese", re.compile("[\u4e00-\u9fff\u3400-\u4dbf]")),
    ("Arabic", re.compile("[\u0600-\u06ff\u0750-\u077f]")),
    ("Cyrillic", re.compile("[\u0400-\u04ff]")),
    ("Greek", re.compile("[\u0370-\u03ff]")),
    ("Hebrew", re.compile("[\u0590-\u05ff]")),
    ("Devanagari", re.compile("[\u0900-\u097f]")),
    ("Thai", re.compile("[\u0e00-\u0e7f]")),
)
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_WORDS = re.compile("[a-z\u00df-\u024f]+")
_LISTS = {
    "English": "the and of to is in that it you for with this are was have",
    "German": "der die und das ist nicht ein eine mit sich auf für zu den ich",
    "French": "le la les et des est une dans pour que qui pas vous nous du",
    "Spanish": "el los las y que del una por con para está como pero su es",
    "Portuguese": "o os as e que do da uma para com não está como mas seu",
    "Italian": "il gli che di una per con non sono della questo è come ma si",
    "Dutch": "de het een en van ik niet dat is op te zijn voor met je",
}
_COMMON = {language: frozenset(words.split()) for language, words in _LISTS.items()}
_MIN_COMMON = 3


def language_of(text: str) -> str | None:
    """Return the language, or the script's name; None if the text is too short to tell.

    A text with any kana is Japanese, whatever its share of Chinese characters.
    """
    text = text[:_LOOKED_AT]
    found = [(len(pattern.findall(text)), name) for name, pattern in _SCRIPTS] if not text.isascii() else []
    latin = len(_LATIN.findall(text))
    letters, name = max(found, default=(0, ""))
    if letters + latin < _MIN_LETTERS:
        return None
    if letters * 2 >= latin and letters:
        kana = found[0][0]
        return "Japanese" if kana * 10 >= letters else name
    words = _WORDS.findall(text.lower())
    scored = [(sum(word in common for word in words), language) for language, common in _COMMON.items()]
    best, language = max(scored)
    return language if best >= _MIN_COMMON else None
