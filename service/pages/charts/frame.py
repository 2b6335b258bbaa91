"""A plot area with two linear scales, and what helps to fill it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10

from service.pages.charts.draw import Point, line, rect, text


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers from low to high, about as many as asked."""
    span = (high - low) or 1.0
    unit = 10.0 ** floor(log10(span / about))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if span / (unit * m) <= about)
    return [i * step for i in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class Frame:
    """A plot area and its two linear scales, in pixels."""

    width: float
    height: float
    x0: float
    x1: float
    y0: float
    y1: float
    left: float = 44
    right: float = 16
    top: float = 14
    bottom: float = 26

    def x(self, value: float) -> float:
        """Return the pixel of a value on the horizontal scale."""
        return self.left + (value - self.x0) / ((self.x1 - self.x0) or 1) * (
            self.width - self.left - self.right
        )

    def y(self, value: float) -> float:
        """Return the pixel of a value on the vertical scale."""
        return (
            self.height
            - self.bottom
            - (value - self.y0) / ((self.y1 - self.y0) or 1) * (self.height - self.top - self.bottom)
        )

    @property
    def floor(self) -> float:
        """The pixel of the horizontal axis."""
        return self.height - self.bottom

    def grid(self, fmt: Callable[[float], str], about: int = 4) -> str:
        """Return horizontal lines with their values."""
        return "".join(
            line(self.left, self.y(v), self.width - self.right, self.y(v), "axis" if v == self.y0 else "grid")
            + text(self.left - 10, self.y(v) + 4, fmt(v), "tick", "end")
            for v in ticks(self.y0, self.y1, about)
        )

    def below(self, marks: Sequence[tuple[float, str]]) -> str:
        """Return words under the horizontal axis."""
        return "".join(text(self.x(v), self.floor + 18, words, "tick", "middle") for v, words in marks)

    def tip(self, x: float, lines: Sequence[tuple[str, str]], w: float = 128, rule: bool = True) -> str:
        """Return a box beside x, shown while the pointer is near; `lines` are (class, words)."""
        left = x + 10 if x + 10 + w < self.width - self.right else x - 10 - w
        body = "".join(
            text(left + 10, self.top + 18 + 16 * i, words, css) for i, (css, words) in enumerate(lines)
        )
        mark = line(x, self.top, x, self.floor, "rule") if rule else ""
        return f'<g class="tip">{mark}{rect(left, self.top, w, 16 * len(lines) + 12, "box", 6)}{body}</g>'

    def band(self, x0: float, x1: float, inner: str) -> str:
        """Return an area that shows `inner` while the pointer is in it."""
        return f'<g class="band">{rect(x0, self.top, x1 - x0, self.floor - self.top, "hit")}{inner}</g>'


def thin(points: Sequence[Point], most: int = 400) -> list[Point]:
    """Return about `most` points, with the lowest and highest of each stretch, so that no spike is lost."""
    if len(points) <= most:
        return list(points)
    size = ceil(2 * len(points) / most)
    kept: list[Point] = [points[0]]
    for i in range(0, len(points), size):
        part = points[i : i + size]
        kept += sorted({min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])})
    return [*kept, points[-1]]


def spread(ys: list[float], gap: float = 15) -> list[float]:
    """Move labels apart that would overlap, as little as possible."""
    order = sorted(range(len(ys)), key=lambda i: ys[i])
    for a, b in pairwise(order):
        ys[b] = max(ys[b], ys[a] + gap)
    return ys
