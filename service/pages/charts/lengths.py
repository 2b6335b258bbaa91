"""The chart of how long a dataset's examples are."""

from collections.abc import Sequence

from markupsafe import Markup

from service.pages.charts.draw import line, rect, svg, text
from service.pages.charts.frame import Frame, ticks


def histogram(
    edges: Sequence[float],
    counts: Sequence[int],
    limit: float = 0,
    marks: Sequence[tuple[float, str]] = (),
    unit: str = "tokens",
    width: float = 720,
    height: float = 220,
) -> Markup:
    """Draw examples by their length; marks such as the median, and the limit above which examples are cut."""
    f = Frame(width, height, edges[0], max(edges[-1], limit * 1.08), 0, max(counts) * 1.18)
    out = [f.grid(lambda v: f"{v:,.0f}", 3), f.below([(v, f"{v:,.0f}") for v in ticks(f.x0, f.x1, 8)])]
    bands: list[str] = []
    for a, b, c in zip(edges, edges[1:], counts, strict=False):
        over = " over" if limit and a >= limit else ""
        out.append(rect(f.x(a) + 0.8, f.y(c), f.x(b) - f.x(a) - 1.6, f.floor - f.y(c), f"fill k1{over}", 1.5))
        rows = [("h", f"{a:,.0f} to {b:,.0f} {unit}"), ("", f"{c:,} examples")]
        bands.append(f.band(f.x(a), f.x(b), f.tip(f.x((a + b) / 2), rows, 172, rule=False)))
    for i, (value, words) in enumerate(marks):
        out.append(line(f.x(value), f.top + 14 * i, f.x(value), f.floor, "rule"))
        out.append(text(f.x(value) + 6, f.top + 10 + 14 * i, words, "note"))
    if limit:
        out.append(line(f.x(limit), f.top, f.x(limit), f.floor, "limit"))
        out.append(text(f.x(limit) - 6, f.top + 10, f"limit {limit:,.0f}", "limit-text", "end"))
    beyond = sum(c for a, c in zip(edges, counts, strict=False) if limit and a >= limit)
    label = (
        f"{sum(counts):,} examples by number of {unit}: "
        + ", ".join(w for _, w in marks)
        + (f"; {beyond:,} above the limit of {limit:,.0f}." if limit else ".")
    )
    return svg(width, height, label, "".join(out + bands))
