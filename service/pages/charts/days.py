"""The chart of costs per day."""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from service.pages.charts.draw import line, rect, svg, text
from service.pages.charts.frame import Frame


def per_day(
    days: Sequence[str],
    kinds: Sequence[str],
    amounts: Sequence[Sequence[float]],
    today: int,
    forecast: float = 0,
    budget: float = 0,
    width: float = 720,
    height: float = 260,
    money: Callable[[float], str] = "${:,.0f}".format,
) -> Markup:
    """Draw dollars a day, stacked by kind.

    Days to come are drawn at the present pace; a line shows what the budget allows a day.
    """
    sums = [sum(row) for row in amounts]
    top = max([*sums, forecast, budget]) * 1.12 or 1
    f = Frame(width, height, 0, len(days), 0, top)
    wide = f.x(1) - f.x(0)
    bands: list[str] = []  # last, so that no bar lies over a box of figures
    out = [
        f.grid(money),
        f.below([(i + 0.5, d) for i, d in enumerate(days) if i % 5 == 0 or i == len(days) - 1]),
    ]
    for i, d in enumerate(days):
        x, w = f.x(i) + wide * 0.18, wide * 0.64
        if i > today:
            out.append(rect(x, f.y(forecast), w, f.floor - f.y(forecast), "ghost", 2))
            tip = f.tip(f.x(i + 0.5), [("h", d), ("", f"about {money(forecast)}")], rule=False)
        else:
            at = 0.0
            for k, v in enumerate(amounts[i]):
                if v:
                    gap = 1 if at else 0
                    out.append(rect(x, f.y(at + v), w, f.y(at) - f.y(at + v) - gap, f"fill k{k + 1}", 1.5))
                at += v
            rows = [("h", f"{d}  ${sums[i]:,.2f}")] + [
                (f"k{k + 1}", f"{kinds[k]} ${v:,.2f}") for k, v in enumerate(amounts[i]) if v
            ]
            tip = f.tip(f.x(i + 0.5), rows, 150, rule=False)
        bands.append(f.band(f.x(i), f.x(i + 1), tip))
    if budget:
        out.insert(1, line(f.left, f.y(budget), width - f.right, f.y(budget), "limit"))
        out.append(
            text(
                width - f.right, f.y(budget) - 6, f"budget allows {money(budget)} a day", "limit-text", "end"
            )
        )
    label = (
        f"Cost per day by kind. {money(sum(sums))} in {today + 1} days, highest {money(max(sums))} on "
        f"{days[sums.index(max(sums))]}; at the present pace "
        f"{money(sum(sums) + forecast * (len(days) - today - 1))} by {days[-1]}."
    )
    return svg(width, height, label, "".join(out + bands))
