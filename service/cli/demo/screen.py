"""The demo's output. Each claim is checked before it is printed."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

_INDENT = 4


class DemoFailed(Exception):
    """A check of the demo failed. The message is one line for the user."""


class Screen:
    """Prints the walkthrough to a console."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def chapter(self, number: int, title: str) -> None:
        """Begin a chapter."""
        self.console.print()
        self.console.print(Rule(Text(f"{number}. {title}", "bold"), align="left", style="dim"))

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(Text(f"  {text}"))

    def quote(self, who: str, text: str) -> None:
        """Print a question or an answer, with its line breaks."""
        lines = Text(text, "italic")
        self.console.print(Padding(Group(Text(who, "bold"), lines), (0, 0, 0, _INDENT)))

    def claim(self, sentence: str, holds: bool, seen: object = None) -> None:
        """Print a claim that holds. Raises `DemoFailed` with the value `seen` if it does not."""
        if not holds:
            shown = "" if seen is None else f" (got: {str(seen)[:500]})"
            raise DemoFailed(f"Check failed: {sentence}{shown}")
        self.console.print(Text.assemble(("  ✓ ", "green"), sentence))

    def show(self, drawing: RenderableType) -> None:
        """Print a table or a tree."""
        self.console.print(Padding(drawing, (0, 0, 0, _INDENT)))

    def table(self, titles: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> None:
        """Print a table whose last `numbers` columns are right-aligned."""
        drawing = Table(box=None, header_style="dim", pad_edge=False)
        for place, title in enumerate(titles):
            right = place >= len(titles) - numbers
            drawing.add_column(title, justify="right" if right else "left", overflow="fold")
        for row in rows:
            drawing.add_row(*map(Text, row))
        self.show(drawing)

    def progress(self) -> Progress:
        """A progress bar for a training job, with fields `loss` and `valid`."""
        return Progress(
            TextColumn("    {task.description}"),
            BarColumn(bar_width=32),
            TextColumn("step"),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]} · validation {task.fields[valid]}"),
            TimeElapsedColumn(),
            console=self.console,
        )


def usd(amount: str | Decimal, at_least: int = 6) -> str:
    """An amount with all its digits, so that a table adds up; at least `at_least` of them decimals."""
    exact = Decimal(amount).normalize()
    digits = max(at_least, -int(exact.as_tuple().exponent))
    return f"${exact:.{digits}f}"
