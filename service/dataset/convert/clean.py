"""Remove leftover HTML and control characters from an example's texts."""

import html
import re
from typing import Any

# Only HTML's own element names: `a < b`, `List<String>` and `<thinking>` are text.
NAMES = (
    "a|abbr|article|aside|b|blockquote|body|br|button|center|code|col|dd|del|details|div|dl|dt|em|figure|font|"
    "footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|label|li|link|main|mark|meta|nav|ol|option|p|"
    "picture|pre|s|section|select|small|source|span|strong|sub|summary|sup|table|tbody|td|textarea|tfoot|th|"
    "thead|title|tr|u|ul|video"
)
_ATTRIBUTES = (
    r"""(?:\s+[^<>"']{0,200}(?:"[^"<>]{0,2000}"[^<>"']{0,200}|'[^'<>]{0,2000}'[^<>"']{0,200}){0,20})?"""
)
_TAG = re.compile(rf"</?(?:{NAMES}){_ATTRIBUTES}\s*/?>", re.IGNORECASE)
_UNSEEN = re.compile(r"<!--.{0,100000}?-->|<(script|style)\b[^<>]{0,2000}>.{0,1000000}?</\1\s*>", re.I | re.S)
_BREAK = re.compile(r"<(?:br\s*/?|/(?:p|div|li|tr|h[1-6]|blockquote|section|article|table|ul|ol))\s*>", re.I)
# C0 but tab and newline, DEL, C1, byte order marks and marks that override the direction of text; the joiners
# of emoji and Persian stay.
_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\u202a-\u202e\u2066-\u2069"
_CONTROL = re.compile(f"[{_CONTROLS}]")
# Fields that are structure, or that tool calls refer to.
_UNTOUCHED = frozenset(
    {"role", "type", "id", "tool_call_id", "name", "url", "detail", "weight", "tools", "functions"}
)


def without_html(text: str) -> str:
    """Remove tags, comments and scripts, and decode entities; line and paragraph breaks become newlines."""
    if "<" not in text and "&" not in text:
        return text
    text = _BREAK.sub("\n", _UNSEEN.sub("", text))
    text = html.unescape(_TAG.sub("", text)).replace("\xa0", " ")
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip()


def without_control(text: str) -> str:
    """Remove control characters; Windows line ends become newlines."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def cleaned(value: Any, *, of_html: bool, of_control: bool) -> Any:
    """Clean every text in a JSON value, except names, ids and definitions."""
    if isinstance(value, str):
        value = without_control(value) if of_control else value
        return without_html(value) if of_html else value
    if isinstance(value, list):
        return [cleaned(item, of_html=of_html, of_control=of_control) for item in value]
    if isinstance(value, dict):
        return {
            name: item if name in _UNTOUCHED else cleaned(item, of_html=of_html, of_control=of_control)
            for name, item in value.items()
        }
    return value
