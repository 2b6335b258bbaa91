"""Small pictures within a line: a sparkline, and a meter of shares."""

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

from service.pages.charts.draw import n, path, rect, svg
from service.pages.charts.frame import Frame


def spark(values: Sequence[float], label: str, width: float = 88, height: float = 22) -> Markup:
    """Draw values in order."""
    f = Frame(width, height, 0, len(values) - 1, 0, max(values) or 1, 1, 3, 3, 2)
    points = [(f.x(i), f.y(v)) for i, v in enumerate(values)]
    end = f'<circle cx="{n(points[-1][0])}" cy="{n(points[-1][1])}" r="2" class="dot"/>'
    return svg(width, height, label, path(points, "curve s1") + end)


def meter(parts: Sequence[tuple[float, str]], label: str, mark: float | None = None) -> Markup:
    """Draw shares of 1 in one bar, as wide as its place; `mark` is a tick, such as the month's end."""
    at, out = 0.0, [rect(0, 0, 1000, 8, "track")]
    for share, css in parts:
        out.append(rect(at * 1000, 0, share * 1000, 8, css))
        at += share
    if mark is not None:
        out.append(rect(min(mark, 1) * 1000 - 1.5, 0, 3, 8, "mark"))
    return Markup(  # noqa: S704 - numbers, and an escaped label
        f'<svg class="meter" role="img" aria-label="{escape(label)}" viewBox="0 0 1000 8" width="100%" '
        f'height="8" '
        f'preserveAspectRatio="none">{"".join(out)}</svg>'
    )
