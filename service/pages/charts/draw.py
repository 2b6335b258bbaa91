"""SVG elements as text: colours come from the stylesheet by class, and text is escaped here and only here."""

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

Point = tuple[float, float]


def n(value: float) -> str:
    """Write a coordinate, exact to a tenth of a pixel."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def text(x: float, y: float, words: str, css: str = "", anchor: str = "start") -> str:
    """Return a line of text at its baseline."""
    return f'<text x="{n(x)}" y="{n(y)}" class="{css}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    """Return a straight line."""
    return f'<path class="{css}" d="M{n(x1)} {n(y1)}L{n(x2)} {n(y2)}"/>'


def rect(x: float, y: float, w: float, h: float, css: str, r: float = 0) -> str:
    """Return a rectangle with corners of radius `r`."""
    round_ = f' rx="{n(r)}"' if r else ""
    return (
        f'<rect x="{n(x)}" y="{n(y)}" width="{n(max(w, 0))}" height="{n(max(h, 0))}"{round_} class="{css}"/>'
    )


def path(points: Sequence[Point], css: str, close: str = "") -> str:
    """Return a line through points."""
    return f'<path class="{css}" d="M{"L".join(f"{n(x)} {n(y)}" for x, y in points)}{close}"/>'


def svg(width: float, height: float, label: str, body: str, role: str = "img") -> Markup:
    """Return a picture, with a sentence that says what it shows."""
    return Markup(  # noqa: S704 - made of numbers, and of text that is escaped above
        f'<svg class="chart" role="{role}" aria-label="{escape(label)}" viewBox="0 0 {n(width)} {n(height)}" '
        f'width="{n(width)}" height="{n(height)}">{body}</svg>'
    )
