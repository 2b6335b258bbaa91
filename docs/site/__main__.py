"""Write the sources of the site into a folder: `python -m docs.site FOLDER`."""

import shutil
import sys
from pathlib import Path

from docs.site import commands, metrics, prices, routes

ROOT = Path(__file__).parents[2]
_GENERATED = {"commands": commands.page, "metrics": metrics.page, "prices": prices.page}


def write(target: Path) -> None:
    """Write pages, examples and the configuration to `target`, which must not exist or be from an earlier run."""
    shutil.rmtree(target, ignore_errors=True)
    pages = target / "docs"
    shutil.copytree(ROOT / "docs", pages, ignore=shutil.ignore_patterns("site", "zensical.toml"))
    shutil.copytree(
        ROOT / "examples", pages / "examples", ignore=shutil.ignore_patterns("__pycache__", "README.md")
    )
    for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"):
        shutil.copy(ROOT / name, pages / name.lower())
    for page in pages.rglob("*.md"):
        _move_links(page, pages)
    for name, make in _GENERATED.items():
        (pages / "reference" / f"{name}.md").write_text(make())
    for name, text in routes.pages().items():
        (pages / "reference" / "api" / name).parent.mkdir(exist_ok=True)
        (pages / "reference" / "api" / name).write_text(text)
    shutil.copy(ROOT / "docs" / "zensical.toml", target / "zensical.toml")


def _move_links(page: Path, pages: Path) -> None:
    """Let links to files outside `docs/` lead to their copies in the site."""
    up = "../" * (len(page.relative_to(pages).parents) - 1)
    text = page.read_text()
    moved = text.replace(f"]({up}../examples/", f"]({up}examples/")
    for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"):
        moved = moved.replace(f"]({up}../{name}", f"]({up}{name.lower()}")
    if page.parent == pages and page.name in ("changelog.md", "contributing.md", "security.md"):
        moved = moved.replace("](docs/", "](").replace("](examples/", "](examples/")
    if moved != text:
        page.write_text(moved)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
