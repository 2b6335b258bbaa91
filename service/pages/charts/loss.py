"""The chart of a job's losses."""

from collections.abc import Sequence

from markupsafe import Markup

from service.pages.charts.draw import Point, line, n, path, rect, svg, text
from service.pages.charts.frame import Frame, spread, thin, ticks


def loss(
    train: Sequence[Point],
    valid: Sequence[Point],
    checkpoints: Sequence[tuple[float, str]] = (),
    total: float | None = None,
    width: float = 720,
    height: float = 260,
) -> Markup:
    """Draw losses by step; checkpoints are rings on the validation line, and the best one is filled."""
    if not train:
        raise ValueError("a curve needs a point: the page says that there are no figures yet")
    train, valid = thin(train), thin(valid)
    both = [*train, *valid]
    top = max(y for _, y in both)
    running = total is not None and train[-1][0] < total
    f = Frame(width, height, 0, total or both[-1][0] or 1, 0, top * 1.04, right=16 if running else 108)
    out = [f.grid(lambda v: f"{v:.1f}", 5), f.below([(v, f"{v:,.0f}") for v in ticks(f.x0, f.x1, 8)])]
    if total is not None and running:
        out.append(rect(f.x(train[-1][0]), f.top, f.x(total) - f.x(train[-1][0]), f.floor - f.top, "todo"))
    series = [(train, "train", "s1"), (valid, "validation", "s2")]
    out += [
        path([(f.x(x), f.y(y)) for x, y in points], f"curve {css}") for points, _, css in series if points
    ]
    at = dict(valid)
    best = min(valid, key=lambda p: p[1])[0] if valid else 0.0
    near = {step: min(at, key=lambda x: abs(x - step)) for step, _ in checkpoints} if at else {}
    star = min(near, key=lambda s: at[near[s]]) if near else None
    for step, _ in checkpoints:
        if step in near:
            out.append(line(f.x(step), f.y(at[near[step]]), f.x(step), f.floor, "drop"))
            out.append(
                f'<circle cx="{n(f.x(step))}" cy="{n(f.y(at[near[step]]))}" r="4" '
                f'class="ring{" best" if step == star else ""}"/>'
            )
    ends = [(points[-1], name, css) for points, name, css in series if points]
    for y, (p, name, css) in zip(spread([f.y(p[1]) + 4 for p, _, _ in ends]), ends, strict=True):
        out.append(text(f.x(p[0]) + 8, y, f"{name} {p[1]:.2f}", f"end {css}"))
    step = max(1, len(train) // 60)
    names = dict(checkpoints)
    half = (f.x(train[min(step, len(train) - 1)][0]) - f.x(train[0][0])) / 2 if train else 0
    for x, y in train[::step]:
        v = at[min(at, key=lambda k: abs(k - x))] if at else None
        mark = next((names[c] for c in names if abs(f.x(c) - f.x(x)) <= half), None)
        rows = [("h", f"step {x:,.0f}"), ("s1", f"train {y:.3f}")]
        rows += [("s2", f"validation {v:.3f}")] if v is not None else []
        rows += [("", mark)] if mark else []
        out.append(f.band(f.x(x) - half, f.x(x) + half, f.tip(f.x(x), rows)))
    label = (
        f"Loss by step. Training goes from {train[0][1]:.2f} to {train[-1][1]:.2f} "
        f"at step {train[-1][0]:,.0f}."
    )
    if valid:
        label += (
            f" Validation is lowest at step {best:,.0f} with {at[best]:.2f} and ends at {valid[-1][1]:.2f}."
        )
    if star is not None:
        label += f" The best of {len(checkpoints)} checkpoints is {names[star]}."
    return svg(width, height, label, "".join(out))
